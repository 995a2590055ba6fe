from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan

QUICK = ("--set", "restore.model=none", "--workers", 0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent


def test_a_pipeline_runs_by_name_and_says_what_it_wrote(
    medgan: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = medgan("run", "restore_folder", source, "-o", out, *QUICK)
    assert result.exit_code == 0, result.output
    assert f"wrote {out}/a.nii.gz" in result.stdout
    assert f"wrote {out}/report.html" in result.stdout


def test_json_is_one_document_and_text_goes_to_stderr(
    medgan: Run, source: Path, tmp_path: Path
) -> None:
    result = medgan("run", "restore_folder", source, "-o", tmp_path / "out", "--json", *QUICK)
    document = json.loads(result.stdout)
    assert (document["exit_code"], document["done"], document["failed"]) == (0, 2, [])
    assert document["records"][0]["status"] == "restored"
    assert "1 gap, 1 slice filled" in result.stderr


def test_a_dry_run_says_what_and_why_and_writes_nothing(
    medgan: Run, source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ("run", "restore_folder", source, "-o", out, *QUICK)
    result = medgan(*words, "--dry-run")
    assert result.stdout.splitlines() == [
        "would do restore_folder/index/a: not done yet",
        "would do restore_folder/report: comes after these",
    ]
    assert not out.exists()
    medgan(*words)
    assert medgan(*words, "--dry-run").stdout == "everything is up to date\n"
    changed = medgan(*words, "--set", "restore.force=true", "--dry-run", "--json")
    assert json.loads(changed.stdout)["would_do"][0] == {
        "unit": "restore_folder/index/a",
        "why": "its input, settings, model or program changed",
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nonsense",), "restore_folder"),
        (("restore_folder", "--set", "restore.modle=x"), "modle: unknown key"),
        (("restore_folder", "--set", "restore"), "KEY=VALUE"),
        (("restore_folder", "--set", "repair.model=x"), "repair"),
    ],
)
def test_wrong_settings_are_exit_2(
    medgan: Run, source: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = medgan("run", words[0], source, "-o", tmp_path / "out", *words[1:])
    assert result.exit_code == 2
    assert said in result.stderr


def test_a_pipeline_that_needs_an_input_says_so(medgan: Run, tmp_path: Path) -> None:
    result = medgan("run", "restore_folder", "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 2
    assert "no input was named" in result.stderr


def test_names_are_said_in_children_too(medgan: Run, source: Path, tmp_path: Path) -> None:
    words = ("--set", "restore.model=none", "--workers", 1)
    result = medgan("run", "restore_folder", source, "-o", tmp_path / "out", *words)
    assert result.exit_code == 0, result.output
    assert "a  1 gap, 1 slice filled" in result.stdout
