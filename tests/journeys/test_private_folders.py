"""Folders and files that hold keys, scans of archives, or choices are for their owner alone."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from medgan.pipeline.machine_choice import Choice, keep
from medgan.pipeline.workplace_jobs import _private_folder
from medgan.scans.archive import extract


@pytest.fixture(autouse=True)
def _open_mask() -> Iterator[None]:
    """The most generous mask there is: nothing is private by luck."""
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("is_there", [False, True])
def test_job_scripts_logs_and_certificates(tmp_path: Path, is_there: bool) -> None:
    folder = tmp_path / "jobs"
    if is_there:
        folder.mkdir(mode=0o755)
    assert mode(_private_folder(folder)) == 0o700


def test_what_comes_out_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "scans.zip", "w") as archive:
        archive.writestr("a.txt", "a")
    inside = extract(tmp_path / "scans.zip").folder
    assert mode(inside) == 0o700
    assert mode(inside.parent) == 0o700


def test_what_the_doctor_chose(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = keep(Choice(threads=1, precision="float32"))
    assert (mode(file), mode(file.parent)) == (0o600, 0o700)
