"""`medgan doctor` says what it found, keeps what it chose, and fails only on what is needed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medgan.pipeline import doctor
from medgan.pipeline.doctor import Examination, Problem
from medgan.pipeline.machine_choice import Choice, choice_file, chosen
from tests.cli.conftest import Run

CHOICE = Choice(threads=2, precision="float32")


def found(**changes: object) -> Examination:
    fields: dict[str, object] = {
        "processor": "a processor",
        "cores": 4,
        "memory_gb": 16.0,
        "disk_gb": {".": 80.0},
        "gpus": (),
        "versions": {"torch": "2.6"},
        "extras": {"pacs": (), "bench": ("itk",)},
        "programs": {"dciodvfy": "", "dcm2niix": "/bin/dcm2niix"},
        "fill_seconds": {1: 0.2, 2: 0.1},
        "train_seconds": {"float32 contiguous": 0.1},
        "choice": CHOICE,
    }
    return Examination(**(fields | changes))  # type: ignore[arg-type]


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def set_to(**changes: object) -> None:
        monkeypatch.setattr(doctor, "examine", lambda folder, quick: found(**changes))

    set_to()
    return set_to


def test_it_says_what_it_found_and_keeps_what_it_chose(medgan: Run, examined: object) -> None:
    result = medgan("doctor", "--quick")
    assert result.exit_code == 0, result.output
    for words in (
        "a processor, 4 cores, 16.0 GB",
        "none that torch can use",
        "bench without itk, pacs complete",
        "dciodvfy not there",
        "200 ms by 1, 100 ms by 2 threads: at most 2 a worker",
        "`auto` is float32",
        str(choice_file()),
    ):
        assert words in result.output
    assert chosen() == CHOICE


def test_json(medgan: Run, examined: object) -> None:
    result = medgan("doctor", "--json")
    document = json.loads(result.stdout)
    assert document["choice"] == {"threads": 2, "precision": "float32"}
    assert document["fill_seconds"] == {"1": 0.2, "2": 0.1}
    assert document["file"] == str(choice_file())


def test_nothing_is_kept_on_a_dry_run_or_a_busy_machine(medgan: Run, examined) -> None:
    assert medgan("doctor", "--dry-run").exit_code == 0
    assert chosen() is None
    examined(is_busy=True)
    result = medgan("doctor")
    assert result.exit_code == 0
    assert "nothing kept: other programs are at work" in result.output
    assert chosen() is None


def test_what_is_needed_and_broken_is_exit_code_1_with_what_to_do(medgan: Run, examined) -> None:
    examined(problems=(Problem("torch is missing", "Install it."),), choice=None)
    result = medgan("doctor")
    assert result.exit_code == 1
    assert "error: torch is missing" in result.stderr
    assert "try: Install it." in result.stderr
    assert chosen() is None


def test_a_cache_that_cannot_be_written_is_told(medgan: Run, examined, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("in the way")
    result = medgan("doctor")
    assert result.exit_code == 1
    assert "cannot be kept" in result.stderr
    assert "--dry-run" in result.stderr
