"""Find, fetch and send over DICOMweb, with a server on loopback as the other side."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import RLELossless

from medgan.errors import PeerError
from medgan.scans import pacs
from medgan.scans.pacs.peer import BrokenOffError
from tests.scans.pacs.certificates import self_signed
from tests.scans.pacs.web_server import Server, serving
from tests.scans.series import make_series, save

pytest.importorskip("dicomweb_client", reason="the extra pacs is not installed")

COVERS = ("web_faults",)
pytestmark = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])

STUDY = pacs.Wanted(study="2.25.1")
PATIENT = pacs.Wanted(patient="Canary-ID")
AT_ONCE = pacs.Patience(retries=3, first_wait_s=0.0)


def peer_of(server: Server, **access: object) -> pacs.Peer:
    access = {"timeout_s": 5.0} | access
    return pacs.connect(pacs.parse_address(server.url), pacs.Access(**access))  # type: ignore[arg-type]


def pull(server: Server, folder: Path, wanted: pacs.Wanted = STUDY) -> pacs.Transfer:
    peer = peer_of(server)
    return pacs.pull(peer, pacs.find(peer, wanted, AT_ONCE, str), folder, AT_ONCE, str)


def push(server: Server, folder: Path) -> pacs.Transfer:
    return pacs.push(peer_of(server), pacs.find_outgoing(folder).files, AT_ONCE, str)


def files(folder: Path, n: int = 4) -> list[Path]:
    packed = make_series(n=1, number=8)
    packed[0].compress(RLELossless, generate_instance_uid=False)
    return save([*make_series(n=n), *packed], folder)


def content(paths: list[Path]) -> dict[str, bytes]:
    return {dcmread(path).SOPInstanceUID: path.read_bytes() for path in paths}


def test_files_come_byte_for_byte_and_once(tmp_path: Path) -> None:
    sent = files(tmp_path / "out")
    with serving() as server:
        server.add(sent)
        result = pull(server, tmp_path / "in", PATIENT)
        assert (result.n_done, result.n_there, result.failures) == (5, 0, [])
        fetched = sorted((tmp_path / "in").rglob("*.dcm"))
        assert content(fetched) == content(sent)
        fetched[0].write_bytes(fetched[0].read_bytes()[:-3])
        fetched[1].unlink()
        result = pull(server, tmp_path / "in")
        assert (result.n_done, result.n_there) == (2, 3)
        assert sum(server.handed.values()) == 7
    assert content(fetched) == content(sent)


@pytest.mark.parametrize("page", [1, 2, 1000])
@pytest.mark.parametrize("ignores_offset", [False, True])
def test_pages_are_turned_to_the_end_and_not_for_ever(
    tmp_path: Path, page: int, ignores_offset: bool
) -> None:
    with serving(Server(page=page, ignores_offset=ignores_offset)) as server:
        server.add(files(tmp_path))
        peer = peer_of(server)
        n_series = len(pacs.find(peer, STUDY, AT_ONCE, str))
        assert n_series == (min(page, 2) if ignores_offset else 2)


def test_other_patients_are_not_handed_over(tmp_path: Path) -> None:
    with serving() as server:
        server.add(files(tmp_path))
        for wanted in (
            pacs.Wanted(patient="somebody"),
            pacs.Wanted(patient="Canary-ID", modality="MR"),
            pacs.Wanted(patient="Canary-ID", series="1.2"),
        ):
            assert pacs.find(peer_of(server), wanted, AT_ONCE, str) == []


def test_a_fetch_that_is_cut_goes_on_where_it_was_cut(tmp_path: Path) -> None:
    # Larger than a chunk of a megabyte: of less, requests drops all when a connection breaks.
    sent = save(make_series(n=6, rows=800, columns=800), tmp_path / "out")
    with serving(Server(cut_after=[3], statuses=[503])) as server:
        server.add(sent)
        result = pull(server, tmp_path / "in")
        assert (result.n_done, result.n_breaks, result.failures) == (6, 1, [])
        assert set(server.handed.values()) == {1}
    assert content(sorted((tmp_path / "in").rglob("*.dcm"))) == content(sent)


def test_sending_twice_leaves_one_copy_and_a_busy_server_is_waited_for(tmp_path: Path) -> None:
    sent = files(tmp_path)
    sent += save(make_series(n=1, rows=800, columns=800, number=5), tmp_path / "large")
    with serving(Server(statuses=[503, 429])) as server:
        result = push(server, tmp_path)
        assert (result.n_done, result.n_breaks) == (6, 2)
        assert server.held == content(sent)
        result = push(server, tmp_path)
        assert (result.n_done, result.n_there) == (0, 6)
        assert set(server.stored.values()) == {1}


def test_one_instance_that_will_not_come_or_go_is_named(tmp_path: Path) -> None:
    first, *rest = save(make_series(n=3), tmp_path / "out", ["a.dcm", "b.dcm", "c.dcm"])
    uid = dcmread(first).SOPInstanceUID
    with serving(Server(bad_instances={uid: 406})) as server:
        server.add([first, *rest])
        result = pull(server, tmp_path / "in")
        assert (result.n_done, result.exit_code) == (2, 3)
        assert "no form that we take (HTTP 406)" in result.failures[0].reason
        server.held.clear()
        server.bad_instances = {uid: 0x0122}
        result = push(server, tmp_path / "out")
        assert [(f.name, f.reason) for f in result.failures] == [
            (
                "a.dcm",
                "the server did not store it: it does not take this kind of object (status 0x0122)",
            )
        ]


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        (401, "HTTP 401", "MEDGAN_PACS_USER"),
        (403, "does not allow", "right"),
        (404, "HTTP 404", "/dicom-web"),
        (500, "refused (HTTP 500)", ""),
    ],
)
def test_a_status_is_put_into_words(status: int, text: str, hint: str) -> None:
    with (
        serving(Server(statuses=[status])) as server,
        pytest.raises(PeerError) as caught,
    ):
        pacs.find(peer_of(server), PATIENT, AT_ONCE, pytest.fail)
    assert text in caught.value.what
    assert hint in caught.value.hint
    assert "Canary" not in str(caught.value)


def test_a_page_that_is_no_dicomweb_is_told() -> None:
    with (
        serving(Server(body=b"<html>Log in</html>")) as server,
        pytest.raises(PeerError, match="the answer is not DICOMweb"),
    ):
        peer_of(server).find(STUDY)


def test_user_and_password_are_sent_and_never_shown() -> None:
    credentials = pacs.Credentials("müller", "s3cret:x")
    assert "s3cret" not in repr(credentials)
    with serving(Server(login="müller:s3cret:x")) as server:
        assert peer_of(server, credentials=credentials).find(STUDY) == []
        with pytest.raises(PeerError, match="HTTP 401"):
            peer_of(server).find(STUDY)


def test_nobody_there_is_told_at_once_and_a_break_is_not() -> None:
    with serving() as server:
        peer = peer_of(server)
        assert peer.find(STUDY) == []
    peer.close()
    with pytest.raises(BrokenOffError):
        peer.find(PATIENT)
    with pytest.raises(PeerError, match="cannot be reached: connection refused") as caught:
        pacs.find(peer_of(server), PATIENT, AT_ONCE, pytest.fail)
    assert not isinstance(caught.value, BrokenOffError)
    assert "Canary" not in str(caught.value)


def test_tls_checks_the_certificate_and_does_not_leave_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    trust = pacs.Tls(ca=certificate)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nothing.pem"))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with serving(certificate=(certificate, key)) as server, serving() as plain:
        server.add(files(tmp_path / "out"))
        assert len(peer_of(server, tls=trust).find(STUDY)) == 2
        with pytest.raises(PeerError, match="certificate is not trusted: self"):
            peer_of(server).find(STUDY)
        server.go_to = f"{plain.url}/series"
        with pytest.raises(PeerError, match="an address without TLS"):
            peer_of(server, tls=trust).find(STUDY)
        assert plain.paths == []


def test_queries_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with serving() as server:
        peer_of(server).find(PATIENT)
    with pytest.raises(PeerError):
        peer_of(server).find(PATIENT)
    assert "Canary" not in caplog.text
