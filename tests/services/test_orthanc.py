"""Send to, find in and fetch from a real archive, by both of its ways."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.uid import JPEG2000Lossless, RLELossless

from tests.cli.conftest import Run
from tests.cli.conftest import medgan as medgan
from tests.scans.pacs.certificates import self_signed
from tests.scans.series import make_series, save
from tests.services.orthanc import PASSWORD, USER, Orthanc, running

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")
pytest.importorskip("dicomweb_client", reason="the extra pacs is not installed")
pytestmark = [pytest.mark.services, pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])]

WAYS = ("node", "web")
STUDY = "2.25.1"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    """A server of its own for every test: counts then say what the test did."""
    monkeypatch.setenv("MEDGAN_PACS_USER", USER)
    monkeypatch.setenv("MEDGAN_PACS_PASSWORD", PASSWORD)
    folder = tmp_path / "orthanc"
    folder.mkdir()
    with running(folder) as server:
        yield server


def write_series(folder: Path) -> list[Path]:
    """Three series of one study: plain CT, plain MR, and CT compressed in two ways."""
    plain = make_series(n=6, rows=64, columns=48, number=1)
    other = make_series(n=4, modality="MR", number=2)
    packed = make_series(n=4, rows=32, columns=32, number=3)
    for n, dataset in enumerate(packed):
        dataset.compress(RLELossless if n % 2 else JPEG2000Lossless, generate_instance_uid=False)
    return [
        *save(plain, folder / "plain"),
        *save(other, folder / "other"),
        *save(packed, folder / "packed"),
    ]


def by_uid(files: list[Path]) -> dict[str, tuple[str, bytes]]:
    """Transfer syntax and pixel bytes of each instance."""
    read = [dcmread(file) for file in files]
    return {d.SOPInstanceUID: (d.file_meta.TransferSyntaxUID, d.PixelData) for d in read}


@pytest.mark.parametrize("push_way", WAYS)
def test_send_find_fetch_and_send_again(
    medgan: Run, archive: Orthanc, tmp_path: Path, push_way: str
) -> None:
    sent = write_series(tmp_path / "out")
    to = getattr(archive, push_way)
    result = medgan("push", tmp_path / "out", to)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "14 sent, 0 already there"
    assert archive.statistics()["CountInstances"] == 14

    again = medgan("push", tmp_path / "out", to, "--json")
    assert json.loads(again.stdout)["already_there"] == 14
    assert archive.statistics()["CountInstances"] == 14
    assert archive.statistics()["CountSeries"] == 3

    for way in WAYS:
        address, folder = getattr(archive, way), tmp_path / f"in_{way}"
        listed = medgan("pull", address, "--patient", "Canary-ID", "--list", "--json")
        series = json.loads(listed.stdout)["series"]
        assert sorted((s["modality"], s["n_instances"]) for s in series) == [
            ("CT", 4),
            ("CT", 6),
            ("MR", 4),
        ]
        pulled = medgan("pull", address, "--study", STUDY, "-o", folder)
        assert pulled.exit_code == 0, pulled.output
        assert pulled.stdout.splitlines()[-1] == f"14 fetched, 0 already in {folder}"
        assert "Canary" not in pulled.output
        assert by_uid(sorted(folder.rglob("*.dcm"))) == by_uid(sent)
        pulled = medgan("pull", address, "--study", STUDY, "-o", folder)
        assert pulled.stdout.splitlines()[-1] == f"0 fetched, 14 already in {folder}"
        only = medgan(
            "pull", address, "--study", STUDY, "--modality", "MR", "-o", tmp_path / f"mr_{way}"
        )
        assert only.stdout.splitlines()[-1].startswith("4 fetched")


@pytest.mark.parametrize("way", WAYS)
def test_what_was_sent_without_being_asked_about_still_leaves_one_copy(
    archive: Orthanc, tmp_path: Path, way: str
) -> None:
    from medgan.scans import pacs

    files = pacs.find_outgoing(save(make_series(n=3), tmp_path / "out")[0].parent).files
    credentials = pacs.Credentials(USER, PASSWORD)
    peer = pacs.connect(
        pacs.parse_address(getattr(archive, way)), pacs.Access(credentials=credentials)
    )
    confirmed: list[str] = []
    for _ in range(2):
        peer.send(files, sent=lambda file: confirmed.append(file.uid), refuse=pytest.fail)
    peer.close()
    assert len(confirmed) == 6
    assert archive.statistics()["CountInstances"] == 3


def test_large_instances_go_by_both_ways(medgan: Run, archive: Orthanc, tmp_path: Path) -> None:
    for n, way in enumerate(WAYS):
        out, back = tmp_path / f"out{n}", tmp_path / f"in{n}"
        sent = save(make_series(n=2, rows=900, columns=900, number=n + 9), out)
        assert sent[0].stat().st_size > 1_500_000  # more than one chunk
        uid = dcmread(sent[0]).SeriesInstanceUID
        assert medgan("push", out, getattr(archive, way)).exit_code == 0
        assert medgan("pull", getattr(archive, way), "--series", uid, "-o", back).exit_code == 0
        assert by_uid(sorted(back.rglob("*.dcm"))) == by_uid(sent)


def test_a_wrong_title_a_wrong_password_and_a_wrong_path_are_told(
    medgan: Run, archive: Orthanc, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = archive.node.replace("ORTHANC", "NOBODY")
    result = medgan("pull", wrong, "--study", STUDY, "--list")
    assert result.exit_code == 1
    assert "rejected the association: it does not go by that title" in result.stderr
    result = medgan("pull", archive.web + "/nonsense", "--study", STUDY, "--list")
    assert result.exit_code == 1
    assert "HTTP 404" in result.stderr
    monkeypatch.setenv("MEDGAN_PACS_PASSWORD", "wrong-one")
    result = medgan("pull", archive.web, "--study", STUDY, "--list")
    assert result.exit_code == 1
    assert "HTTP 401" in result.stderr
    assert "MEDGAN_PACS_PASSWORD" in result.stderr
    assert "wrong-one" not in result.output


def test_the_node_with_tls(medgan: Run, certificate: tuple[Path, Path], tmp_path: Path) -> None:
    sent = save(make_series(n=3), tmp_path / "out")
    folder = tmp_path / "orthanc"
    folder.mkdir()
    with running(folder, *certificate) as server:
        address, trust = server.node, ("--tls-ca", certificate[0])
        refused = medgan("push", tmp_path / "out", address)
        assert refused.exit_code == 1
        assert "its TLS certificate is not trusted: self" in refused.stderr
        result = medgan("push", tmp_path / "out", address, *trust)
        assert result.stdout.splitlines()[-1] == "3 sent, 0 already there", result.output
        result = medgan("pull", address, "--study", STUDY, "-o", tmp_path / "in", *trust)
        assert result.exit_code == 0, result.output
    assert by_uid(sorted((tmp_path / "in").rglob("*.dcm"))) == by_uid(sent)
