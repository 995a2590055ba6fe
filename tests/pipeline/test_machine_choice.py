"""A choice is kept for one user, one machine and one set of versions, and never trusted beyond."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from medgan.errors import WriteError
from medgan.pipeline import machine_choice
from medgan.pipeline.machine_choice import (
    Choice,
    choice_file,
    chosen,
    keep,
    machine_key,
    note_use,
    version_of,
)

CHOICE = Choice(threads=3, precision="bfloat16")


@pytest.fixture(autouse=True)
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_without_a_file_nothing_is_chosen() -> None:
    assert chosen() is None


def test_a_user_without_a_home_has_chosen_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert chosen() is None
    with pytest.raises(OSError, match="no home folder"):
        keep(CHOICE)


def test_what_is_kept_is_chosen_and_is_nobody_elses() -> None:
    file = keep(CHOICE)
    assert chosen() == CHOICE
    assert file == choice_file()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_another_machine_or_version_has_a_choice_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(CHOICE)
    monkeypatch.setattr(machine_choice, "n_cores", lambda: 99)
    assert chosen() is None
    keep(CHOICE.model_copy(update={"threads": 1}))
    monkeypatch.undo()
    other = machine_key()
    monkeypatch.setattr(machine_choice, "version_of", lambda package: "99.0")
    assert machine_key() != other


def test_a_shared_home_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(60):
        monkeypatch.setattr(machine_choice, "n_cores", lambda n=n: n)
        keep(CHOICE)
    assert chosen() == CHOICE
    assert len(json.loads(choice_file().read_text())) == machine_choice.MAX_ENTRIES


@pytest.mark.parametrize(
    "entry",
    [
        {"threads": 0, "precision": "float32"},
        {"threads": 10**9, "precision": "float32"},
        {"threads": 2, "precision": "float8"},
        {"threads": 2, "precision": "float32", "run": "rm"},
        ["threads"],
        None,
    ],
)
def test_what_no_doctor_wrote_counts_as_nothing(entry: object) -> None:
    keep(CHOICE)
    choice_file().write_text(json.dumps({machine_key(): entry}))
    assert chosen() is None


@pytest.mark.parametrize("text", ["", "{", "[]", "[" * 10**5, "9" * 9000, " " * 2**17, "\xff"])
def test_a_spoilt_file_counts_as_none(text: str) -> None:
    keep(CHOICE)
    choice_file().write_text(text, encoding="latin-1")
    assert chosen() is None
    keep(CHOICE)
    assert chosen() == CHOICE


def test_a_file_that_others_may_write_is_not_trusted() -> None:
    keep(CHOICE).chmod(0o666)
    assert chosen() is None


def test_a_pipe_keeps_nobody_waiting() -> None:
    keep(CHOICE).unlink()
    os.mkfifo(choice_file())
    assert chosen() is None


def test_a_relative_cache_folder_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")  # the standard says: to be ignored
    assert choice_file().is_absolute()


def test_a_run_says_how_it_computed(tmp_path: Path) -> None:
    note_use(tmp_path, "", workers=2, threads=1)
    assert json.loads((tmp_path / "machine.json").read_text()) == {
        "workers": 2,
        "threads": 1,
        "chosen": None,
    }
    keep(CHOICE)
    note_use(tmp_path, "shard-1-of-2", workers=2, threads=1)
    told = json.loads((tmp_path / "machine.shard-1-of-2.json").read_text())
    assert told["chosen"] == {"threads": 3, "precision": "bfloat16"}
    (tmp_path / "file").touch()
    with pytest.raises(WriteError):
        note_use(tmp_path / "file", "", workers=2, threads=1)


def test_a_package_that_is_not_there_has_no_version() -> None:
    assert version_of("no-such-package") == ""
    assert version_of("numpy")
