from __future__ import annotations

import json
from pathlib import Path

from medgan.cli.status import status_lines
from medgan.pipeline.status import RunStatus, UnitStatus
from medgan.record import Failure
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan


def test_it_says_how_a_run_stands(medgan: Run, tmp_path: Path) -> None:
    source, out = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent, tmp_path / "out"
    medgan("restore", source, "-o", out, "--model", "none", "--workers", 0)
    result = medgan("status", out)
    assert (result.exit_code, result.stdout) == (0, "2 done, 0 failed, 0 not done yet\n")
    (out / "a.nii.gz").unlink()
    result = medgan("status", out, "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert (document["done"], document["not_done"]) == (1, 1)
    assert "restore_folder/index/a: its outputs were changed or deleted" in result.stderr


def test_a_file_that_was_refused_is_named_too(medgan: Run, tmp_path: Path) -> None:
    source, out = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent, tmp_path / "out"
    (source / "b.nii.gz").write_bytes(b"nonsense")
    medgan("restore", source, "-o", out, "--model", "none", "--workers", 0)
    result = medgan("status", out)
    assert result.exit_code == 3
    assert "2 done, 1 failed, 0 not done yet" in result.stdout
    assert "failed: restore_folder/index/b.nii.gz: index: it holds no NIfTI" in result.stdout


def test_a_folder_of_others_is_exit_2(medgan: Run, tmp_path: Path) -> None:
    result = medgan("status", tmp_path)
    assert result.exit_code == 2
    assert "no run has written to this folder" in result.stderr


def test_failures_come_with_reason_hint_and_traceback_and_long_lists_are_cut() -> None:
    failure = Failure("restore", "ValueError", "it broke", hint="Mend it.", trace="traces/1.txt")
    units = [UnitStatus(f"p/index/{n}", "not done", "not done yet") for n in range(5)]
    found = RunStatus((UnitStatus("p/index/x", "failed", "it broke", failure), *units), ("me",))
    assert status_lines(found, most=2) == [
        "0 done, 1 failed, 5 not done yet",
        "at work: me",
        "failed: p/index/x: restore: it broke",
        "  try: Mend it.",
        "  traceback: traces/1.txt",
        "not done: p/index/0: not done yet",
        "not done: p/index/1: not done yet",
        "... and 3 more, -v names them",
    ]
    assert len(status_lines(found, most=None)) == 10
