"""No trace of a person in anything that `--deidentify` writes or says: 80 canaries, and names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from medgan.cli.app import app
from tests.journeys.canary_folder import (
    N_TAGS,
    ODD_NUMBERS,
    ODD_WORDS,
    TEXT,
    canary,
    make_folder,
    secrets,
    tags,
    texts_of,
)

SALT = "a salt for tests only, 0123456789"


def run(*words: object, **more: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line as a person does: in a process of its own, with children."""
    command = [sys.executable, "-m", "medgan", *map(str, words)]
    known = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
    environment = {**known, "OMP_NUM_THREADS": "1", "MEDGAN_SALT": SALT, **more}
    return subprocess.run(command, capture_output=True, check=False, env=environment)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("home") / "Canary_input"
    make_folder(root)
    return root


def traces(place: Path, said: bytes, source: Path) -> set[str]:
    """Everything of the source that stands in outputs, in their names, or was said."""
    words = {canary(number, vr) for number, (_, vr) in enumerate(tags())} | secrets(source)
    wanted = {word.lower().encode() for word in words | {TEXT, *ODD_WORDS}}
    numbers = re.compile(rf"(?<![\w.])({'|'.join(ODD_NUMBERS)})(?!\w)".encode())
    found = set()
    heap = [said, str([p.relative_to(place) for p in place.rglob("*")]).encode()]
    for path in place.rglob("*"):
        heap += texts_of(path.read_bytes()) if path.is_file() else []
    for text in heap:
        lower = text.lower()
        found |= {word.decode() for word in wanted if word in lower}
        found |= {number.decode() for number in numbers.findall(text)}
    return found


def test_the_canaries_are_there_to_begin_with(source: Path) -> None:
    assert len(tags()) == N_TAGS
    found = traces(source, b"", source)
    assert len(found) > N_TAGS
    assert {"canary", "quill", "feather", *ODD_NUMBERS, "1.2.826.0.1.71"} <= found


def test_nothing_of_a_person_is_left(source: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    words = ("restore", source, "-o", place / "out", "--deidentify", "--format", "nifti,dicom")
    events = ("--events", place / "events.jsonl", "-v", "--model", "none", "--workers", 1)
    place.mkdir()
    done = run(*words, *events)
    assert done.returncode == 3, done.stderr
    assert traces(place, done.stdout + done.stderr, source) == set()
    report = json.loads((place / "out" / "report.json").read_text())
    states = sorted(record["status"] for record in report["scans"])
    assert states == ["restored"] * 6
    assert len(list((place / "out").rglob("*.dcm"))) == 104
    assert b"file-" in done.stdout  # what was refused is told, by a pseudonym


@pytest.mark.parametrize("format", ["bids", "nifti,dicom"])
def test_nothing_is_left_by_export(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: str
) -> None:
    monkeypatch.setenv("MEDGAN_SALT", SALT)
    words = ["export", str(source), "-o", str(tmp_path / "out"), "--format", format, "-v"]
    done = CliRunner().invoke(app, [*words, "--deidentify", "--workers", "0", "--json"])
    assert done.exit_code == 3, done.output
    assert traces(tmp_path, done.output.encode(), source) == set()
    assert len(list(tmp_path.rglob("*_missing_mask.nii.gz" if "," in format else "*_mask*"))) >= 4


def test_an_error_before_any_work_names_nobody(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEDGAN_SALT", SALT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # -v leaves a traceback there
    for place, more in (("Refused^Canary", ()), ("MR_Canary", ("--missing", "900"))):
        words = ["restore", str(source / place), "-o", str(tmp_path / "out"), "--deidentify", "-v"]
        done = CliRunner().invoke(app, [*words, "--model", "none", "--workers", "0", *more])
        assert done.exit_code in (1, 2), done.output
        assert traces(tmp_path, done.output.encode(), source) == set()
    assert len(list(tmp_path.glob("medgan-trace-*"))) == 2


def test_without_it_headers_stay_out_of_all_that_is_not_dicom(source: Path, tmp_path: Path) -> None:
    """Names of files and series descriptions are in it: those are what people call their scans."""
    words = ["restore", str(source), "-o", str(tmp_path / "out"), "--format", "nifti", "-v"]
    done = CliRunner().invoke(app, [*words, "--model", "none", "--workers", "0", "--json"])
    assert done.exit_code == 3, done.output
    odd = {*map(str.lower, ODD_WORDS), *ODD_NUMBERS}
    assert traces(tmp_path, done.output.encode(), source) == {TEXT.lower(), *odd}
