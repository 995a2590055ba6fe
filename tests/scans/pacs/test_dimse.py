"""Find, fetch and send over DICOM's own protocol, with a node on loopback as the other side."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from medgan.errors import PeerError, WriteError
from medgan.scans import pacs
from medgan.scans.pacs.peer import BrokenOffError
from tests.scans.pacs.certificates import self_signed
from tests.scans.series import make_series, save

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")
from tests.scans.pacs.node import Node, running

COVERS = ("association", "query", "retrieve", "store")
pytestmark = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])

STUDY = pacs.Wanted(study="2.25.1")
AT_ONCE = pacs.Patience(retries=3, first_wait_s=0.0)


def peer_of(node: Node, **access: object) -> pacs.Peer:
    access = {"timeout_s": 5.0} | access
    return pacs.connect(pacs.parse_address(node.address), pacs.Access(**access))  # type: ignore[arg-type]


def pull(node: Node, folder: Path, wanted: pacs.Wanted = STUDY) -> pacs.Transfer:
    peer = peer_of(node)
    found = pacs.find(peer, wanted, AT_ONCE, str)
    return pacs.pull(peer, found, folder, AT_ONCE, str)


def push(node: Node, folder: Path) -> pacs.Transfer:
    return pacs.push(peer_of(node), pacs.find_outgoing(folder).files, AT_ONCE, str)


def pixels(datasets: list[Dataset]) -> dict[str, tuple[str, bytes]]:
    return {d.SOPInstanceUID: (d.file_meta.TransferSyntaxUID, d.PixelData) for d in datasets}


def read(folder: Path) -> list[Dataset]:
    return [dcmread(file) for file in sorted(folder.rglob("*.dcm"))]


def compressed(n: int = 2) -> list[Dataset]:
    datasets = make_series(n=n, number=8)
    for dataset in datasets:
        dataset.compress(RLELossless, generate_instance_uid=False)
    return datasets


def test_series_are_found_by_every_key_and_come_as_they_are(tmp_path: Path) -> None:
    plain, packed = make_series(n=3), compressed()
    for dataset in plain:
        dataset.AccessionNumber = "4711"
    with running() as node:
        node.add([*plain, *packed, *make_series(n=1, modality="MR", study_uid="2.25.9")])
        peer = peer_of(node)
        for wanted, n in (
            (STUDY, 2),
            (pacs.Wanted(series=plain[0].SeriesInstanceUID), 1),
            (pacs.Wanted(patient="Canary-ID"), 3),
            (pacs.Wanted(patient="Canary-ID", modality="mr"), 1),
            (pacs.Wanted(accession="4711"), 2),  # a study: all of its series
            (pacs.Wanted(patient="nobody"), 0),
        ):
            assert len(pacs.find(peer, wanted, AT_ONCE, str)) == n, wanted
        result = pull(node, tmp_path)
    assert (result.n_done, result.n_there, result.failures) == (5, 0, [])
    assert pixels(read(tmp_path)) == pixels([*plain, *packed])


def test_a_node_that_ignores_a_key_does_not_hand_over_other_patients() -> None:
    with running(Node(ignored=("PatientID", "Modality", "SeriesInstanceUID"))) as node:
        node.add(make_series(n=1))
        peer = peer_of(node)
        for wanted in (
            pacs.Wanted(patient="somebody-else"),
            pacs.Wanted(patient="Canary-ID", modality="MR"),
            pacs.Wanted(series="1.2.3"),
        ):
            assert pacs.find(peer, wanted, AT_ONCE, str) == []


def test_what_is_here_whole_is_not_asked_for_again(tmp_path: Path) -> None:
    with running() as node:
        node.add(make_series(n=5))
        assert pull(node, tmp_path).n_done == 5
        files = sorted(tmp_path.rglob("*.dcm"))
        files[0].unlink()
        files[1].write_bytes(files[1].read_bytes()[:-7])
        node.handed.clear()
        result = pull(node, tmp_path)
        assert (result.n_done, result.n_there) == (2, 3)
        assert sum(node.handed.values()) == 2
        assert pull(node, tmp_path).n_there == 5
        assert pixels(read(tmp_path)) == pixels(list(node.held.values()))


def test_a_fetch_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    with running(Node(breaks=[2, 0, 3])) as node:
        node.add(make_series(n=9))
        result = pull(node, tmp_path)
        assert (result.n_done, result.n_breaks, result.failures) == (9, 3, [])
        assert set(node.handed.values()) == {1}
    assert len(read(tmp_path)) == 9


def test_a_send_that_breaks_goes_on_where_it_broke(tmp_path: Path) -> None:
    sent = save(make_series(n=9), tmp_path)
    with running(Node(breaks=[4, 0, 2])) as node:
        result = push(node, tmp_path)
        assert (result.n_done, result.n_breaks, result.failures) == (9, 3, [])
        assert set(node.stored.values()) == {1}
        assert pixels(list(node.held.values())) == pixels([dcmread(path) for path in sent])


def test_a_connection_that_only_breaks_is_given_up(tmp_path: Path) -> None:
    with running(Node(breaks=[1] + [0] * 9)) as node:
        node.add(make_series(n=3))
        result = pull(node, tmp_path / "in")
        assert (result.n_done, result.n_breaks, len(result.failures)) == (1, 3, 2)
        assert {f.reason for f in result.failures} == {"the connection broke off"}
        node.breaks = [0] * 9
        with pytest.raises(BrokenOffError, match="broke off"):
            pull(node, tmp_path / "other")


def test_sending_twice_leaves_one_copy(tmp_path: Path) -> None:
    save([*make_series(n=3), *compressed()], tmp_path)
    with running() as node:
        assert push(node, tmp_path).n_done == 5
        again = push(node, tmp_path)
        assert (again.n_done, again.n_there) == (0, 5)
        assert set(node.stored.values()) == {1}


def test_a_node_that_only_stores_is_sent_everything(tmp_path: Path) -> None:
    save(make_series(n=2), tmp_path)
    with running(offers=("store",)) as node:
        assert push(node, tmp_path).n_done == 2
        assert push(node, tmp_path).n_done == 2
        assert len(node.held) == 2
        with pytest.raises(PeerError, match="offers no C-FIND"):
            pull(node, tmp_path)


def test_a_node_without_c_get_is_told(tmp_path: Path) -> None:
    with running(offers=("find", "store")) as node:
        node.add(make_series(n=1))
        with pytest.raises(PeerError, match="offers no C-GET") as caught:
            pull(node, tmp_path)
        assert "DICOMweb" in caught.value.hint


def test_refused_forms_and_kinds_are_named_file_by_file(tmp_path: Path) -> None:
    save(make_series(n=2), tmp_path, ["a.dcm", "b.dcm"])
    save(compressed(1), tmp_path, ["packed.dcm"])
    save(make_series(n=1, modality="PT"), tmp_path, ["pet.dcm"])
    with running(syntaxes=[ImplicitVRLittleEndian]) as node:
        result = push(node, tmp_path)
        assert result.n_done == 2
        assert result.exit_code == 3
        assert {d.file_meta.TransferSyntaxUID for d in node.held.values()} == {
            ImplicitVRLittleEndian
        }
        sent = {uid: pixel for uid, (_, pixel) in pixels(list(node.held.values())).items()}
    assert sent == {d.SOPInstanceUID: d.PixelData for d in make_series(n=2)}
    assert {f.name: f.reason for f in result.failures} == {
        "packed.dcm": "the node takes no RLE Lossless; convert the file before sending it",
        "pet.dcm": "the node takes no Positron Emission Tomography Image Storage from us "
        "in Explicit VR Little Endian",
    }


def test_a_node_that_takes_nothing_of_it_names_every_file(tmp_path: Path) -> None:
    save(make_series(n=1, modality="PT"), tmp_path, ["pet.dcm"])
    with running(offers=("find", "store")) as node:
        result = push(node, tmp_path)
    assert [f.name for f in result.failures] == ["pet.dcm"]
    assert result.exit_code == 1


def test_what_cannot_be_sent_to_us_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    with running(syntaxes=[ExplicitVRLittleEndian]) as node:
        node.add([*make_series(n=2), *compressed(1)])
        result = pull(node, tmp_path)
    assert (result.n_done, len(result.failures)) == (2, 1)
    assert "could not send it" in result.failures[0].reason
    assert result.failures[0].name.startswith("series_")


def test_a_status_of_the_node_is_put_into_words(tmp_path: Path) -> None:
    first, second = make_series(n=2)
    save([first, second], tmp_path, ["a.dcm", "b.dcm"])
    with running(Node(store_status={first.SOPInstanceUID: 0xA700})) as node:
        result = push(node, tmp_path)
    assert [(f.name, f.reason) for f in result.failures] == [
        ("a.dcm", "the node did not store it: it is out of resources (status 0xA700)")
    ]


def test_a_refused_query_says_what_may_help() -> None:
    with running(Node(find_status=0xA900)) as node:
        with pytest.raises(PeerError, match="refused the query") as caught:
            peer_of(node).find(pacs.Wanted(series="1.2.3"))
        assert "--study" in caught.value.hint
        node.find_status = 0xA700
        with pytest.raises(BrokenOffError, match="out of resources"):
            peer_of(node).find(STUDY)


def test_a_rejected_title_says_which_one() -> None:
    with running(known_titles=["FRIEND"]) as node:
        assert peer_of(node, calling_aet="FRIEND").find(STUDY) == []
        with pytest.raises(
            PeerError, match=r"it does not know us \(we said we are MEDGAN"
        ) as caught:
            peer_of(node).find(STUDY)
        assert "--calling-aet" in caught.value.hint
        other = pacs.parse_address(node.address.replace("NODE", "OTHER"))
        with pytest.raises(PeerError, match="does not go by that title"):
            pacs.connect(other, pacs.Access("FRIEND")).find(STUDY)


def test_nobody_there_is_told_at_once() -> None:
    with running() as node:
        pass
    with pytest.raises(PeerError, match="cannot be reached: Connection refused") as caught:
        pacs.find(peer_of(node), STUDY, AT_ONCE, pytest.fail)
    assert not isinstance(caught.value, BrokenOffError)


def test_no_room_for_a_file_ends_the_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise WriteError("no space left", where="x")

    monkeypatch.setattr("medgan.scans.pacs.transfer.write_bytes", full)
    with running() as node:
        node.add(make_series(n=3))
        with pytest.raises(WriteError, match="no space left"):
            pull(node, tmp_path)


def test_tls_checks_certificate_and_name(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    trusting = pacs.Access(timeout_s=5.0, tls=pacs.Tls(ca=certificate))
    with running(certificate=(certificate, key)) as node:
        node.add(make_series(n=2))
        secure = node.address.replace("dicom://", "dicoms://")
        assert len(pacs.connect(pacs.parse_address(secure), trusting).find(STUDY)) == 1
        with pytest.raises(PeerError, match="certificate is not trusted: self"):
            pacs.connect(pacs.parse_address(secure), pacs.Access(timeout_s=5.0)).find(STUDY)
        by_number = pacs.parse_address(secure.replace("localhost", "127.0.0.1"))
        with pytest.raises(PeerError, match="certificate is not trusted: IP address mismatch"):
            pacs.connect(by_number, trusting).find(STUDY)
        with pytest.raises(PeerError, match="does not answer as a DICOM node"):
            peer_of(node, timeout_s=1.0).find(STUDY)
    with running() as node:
        plain = pacs.parse_address(node.address.replace("dicom://", "dicoms://"))
        with pytest.raises(PeerError, match="no TLS connection"):
            pacs.connect(plain, trusting).find(STUDY)


def test_a_node_that_asks_for_our_certificate_gets_it(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    with running(certificate=(certificate, key), is_ours_needed=True) as node:
        secure = pacs.parse_address(node.address.replace("dicom://", "dicoms://"))
        ours = pacs.Tls(certificate, certificate, key)
        assert pacs.connect(secure, pacs.Access(timeout_s=5.0, tls=ours)).find(STUDY) == []
        without = pacs.Access(timeout_s=5.0, tls=pacs.Tls(certificate))
        with pytest.raises(PeerError, match="no TLS connection") as caught:
            pacs.connect(secure, without).find(STUDY)
        assert "--tls-cert" in caught.value.hint


def test_queries_are_in_no_log(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    caplog.set_level("DEBUG")
    with running() as node:
        node.add(make_series(n=2))
        pull(node, tmp_path, pacs.Wanted(patient="Canary-ID"))
    assert "Canary" not in caplog.text
