from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydicom import dcmread

from tests.cli.conftest import Run
from tests.scans.pacs.web_server import Server, serving
from tests.scans.series import CANARY, make_series, save

pytest.importorskip("pynetdicom", reason="the extra pacs is not installed")
from tests.scans.pacs.node import Node, running

COVERS = ("node",)
pytestmark = pytest.mark.allow_hosts(["127.0.0.1", "::1", "localhost"])


def test_list_then_fetch_then_nothing_more_to_do(medgan: Run, tmp_path: Path) -> None:
    out = tmp_path / "in"
    with running() as node:
        node.add([*make_series(n=3, description="Tho/rax 1"), *make_series(n=2, modality="MR")])
        listed = medgan("pull", node.address, "--patient", "Canary-ID", "--list")
        uids = [d.SeriesInstanceUID for d in node.held.values()]
        assert listed.exit_code == 0, listed.output
        assert "CT  ? instances  Tho_rax_1" in listed.stdout
        assert f"  --study 2.25.1 --series {uids[0]}" in listed.stdout
        assert not out.exists()
        words = ("pull", node.address, "--patient", "Canary-ID", "-o", out)
        first = medgan(*words)
        assert first.exit_code == 0, first.output
        assert first.stdout.splitlines()[-1] == f"5 fetched, 0 already in {out}"
        again = medgan(*words, "--json")
        assert json.loads(again.stdout) == {
            "transferred": 0,
            "already_there": 5,
            "breaks": 0,
            "failed": [],
        }
        assert medgan(*words, "-q").output == ""
    text = listed.output + first.output + again.output
    assert not any(word in text for word in (CANARY, "Canary", "4711"))
    assert not any(uid in first.output + again.output for uid in (*uids, "2.25.1"))
    assert len(list(out.rglob("*.dcm"))) == 5


def test_json_lists_series(medgan: Run) -> None:
    with running() as node:
        node.add(make_series(n=3))
        result = medgan("pull", node.address, "--study", "2.25.1", "--list", "--json")
    (series,) = json.loads(result.stdout)["series"]
    assert set(series) == {"study", "series", "modality", "description", "n_instances"}


def test_nothing_that_matches_is_exit_1(medgan: Run, tmp_path: Path) -> None:
    with running() as node:
        result = medgan("pull", node.address, "--study", "1.2.3", "-o", tmp_path / "in")
    assert result.exit_code == 1
    assert result.stderr.startswith("error: nothing there matches\n")
    assert not (tmp_path / "in").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense", "--study", "1.2", "--list"],
        ["dicom://A@127.0.0.1:9", "--list"],
        ["dicom://A@127.0.0.1:9", "--study", "1.2"],
        ["dicom://A@127.0.0.1:9", "--patient", "*", "--list"],
        ["dicom://A@127.0.0.1:9", "--study", "1.2", "--list", "--calling-aet", "X" * 17],
        ["dicom://A@127.0.0.1:9", "--study", "1.2", "--list", "--tls-ca", "nothing.pem"],
        ["https://u:secret@127.0.0.1:9", "--study", "1.2", "--list"],
    ],
)
def test_wrong_use_is_exit_2_before_anything_is_sent(medgan: Run, words: list[str]) -> None:
    result = medgan("pull", *words)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    assert "secret" not in result.output
    assert "internal error" not in result.output


def test_nobody_there_is_exit_1_with_a_hint(medgan: Run) -> None:
    with running() as node:
        pass
    result = medgan("pull", node.address, "--study", "1.2", "--list")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        "error: cannot be reached: Connection refused",
        f"  where: {node.address}",
        "  try: Check host and port, and any firewall between; --timeout gives it longer.",
    ]


def test_without_the_extra_it_says_how_to_install_it(
    medgan: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "medgan.scans.pacs.web", raising=False)
    monkeypatch.setitem(sys.modules, "dicomweb_client", None)
    result = medgan("pull", "https://127.0.0.1:9", "--study", "1.2", "--list")
    assert result.exit_code == 2
    assert "pip install '.[pacs]'" in result.stderr


def test_user_and_password_come_from_the_environment(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Server(login="u:s3cret")) as server:
        server.add(save(make_series(n=2), tmp_path / "out"))
        words = ("pull", server.url, "--study", "2.25.1", "-o", tmp_path / "in")
        refused = medgan(*words)
        assert refused.exit_code == 1
        assert "HTTP 401" in refused.stderr
        monkeypatch.setenv("MEDGAN_PACS_USER", "u")
        monkeypatch.setenv("MEDGAN_PACS_PASSWORD", "s3cret")
        result = medgan(*words, "-v")
        assert result.exit_code == 0, result.output
        assert "s3cret" not in result.output


def test_killed_in_the_middle_it_leaves_no_half_file_and_goes_on(
    medgan: Run, tmp_path: Path
) -> None:
    out = tmp_path / "in"
    with running(Node(stall_after=3)) as node:
        node.add(make_series(n=6, rows=128, columns=128))
        words = ["pull", node.address, "--study", "2.25.1", "-o", str(out)]
        with subprocess.Popen([sys.executable, "-m", "medgan", *words]) as process:
            for _ in range(600):
                if len(list(out.rglob("*.dcm"))) == 3 or process.poll() is not None:
                    break
                time.sleep(0.1)
            os.kill(process.pid, signal.SIGKILL)
        node.go_on.set()
        fetched = list(out.rglob("*.dcm"))
        assert len(fetched) == 3
        assert all(len(dcmread(path).PixelData) == 128 * 128 * 2 for path in fetched)
        result = medgan(*words)
        assert result.exit_code == 0, result.output
        assert result.stdout.splitlines()[-1] == f"3 fetched, 3 already in {out}"
    assert len(list(out.rglob("*.dcm"))) == 6
