from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless

from tests.cli.conftest import Run
from tests.scans.series import make_series, save

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")
from tests.scans.pacs.node import Node, running

pytestmark = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])


def test_a_folder_is_sent_and_sent_again(medgan: Run, tmp_path: Path) -> None:
    save(make_series(n=3), tmp_path / "series")
    (tmp_path / "report.html").write_text("<html>")
    with running() as node:
        result = medgan("push", tmp_path, node.address)
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines() == [
            "1 files are no DICOM and stay here",
            "3 instances, 0 already there",
            "3 sent, 0 already there",
        ]
        again = medgan("push", tmp_path, node.address, "--json")
        assert json.loads(again.stdout)["already_there"] == 3
        assert set(node.stored.values()) == {1}
        assert medgan("push", tmp_path, node.address, "-q").output == ""
    assert "Canary" not in result.output + again.output


def test_what_is_refused_is_named_and_the_rest_is_sent(medgan: Run, tmp_path: Path) -> None:
    save(make_series(n=2), tmp_path)
    packed = make_series(n=12, number=8)
    for dataset in packed:
        dataset.compress(RLELossless, generate_instance_uid=False)
    save(packed, tmp_path, [f"packed{n:02}.dcm" for n in range(12)])
    broken = make_series(n=1, number=9)[0]
    del broken.SeriesInstanceUID
    save([broken], tmp_path, ["unfit.dcm"])
    with running(syntaxes=[ExplicitVRLittleEndian]) as node:
        result = medgan("push", tmp_path, node.address)
        assert result.exit_code == 3
        lines = result.stdout.splitlines()
        assert (
            "failed: packed00.dcm: the node takes no RLE Lossless; convert the file before "
            "sending it" in lines
        )
        assert lines[-2:] == [
            "  and 3 more; -v names them all",
            "2 sent, 0 already there, 13 failed",
        ]
        result = medgan("push", tmp_path, node.address, "-v")
        assert any(line.startswith("failed: unfit.dcm") for line in result.stdout.splitlines())


def test_a_node_that_does_not_know_us_is_exit_1(medgan: Run, tmp_path: Path) -> None:
    save(make_series(n=1), tmp_path)
    with running(known_titles=["FRIEND"]) as node:
        result = medgan("push", tmp_path, node.address)
        assert result.exit_code == 1
        assert "rejected the association: it does not know us" in result.stderr
        result = medgan("push", tmp_path, node.address, "--calling-aet", "FRIEND")
        assert result.exit_code == 0, result.output


def test_a_break_is_said_and_mended(medgan: Run, tmp_path: Path) -> None:
    save(make_series(n=4), tmp_path)
    with running(Node(breaks=[2])) as node:
        result = medgan("push", tmp_path, node.address)
    assert result.exit_code == 0
    assert "the connection broke off; 2 instances to go, trying again" in result.stdout
    assert result.stdout.splitlines()[-1] == "4 sent, 0 already there"


def test_nothing_to_send_is_exit_1(medgan: Run, tmp_path: Path) -> None:
    result = medgan("push", tmp_path, "dicom://A@127.0.0.1:9")
    assert result.exit_code == 1
    assert "no DICOM file is here" in result.stderr
