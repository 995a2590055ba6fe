"""The salt: where it comes from, that it does not leave, and that no two of them mix."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from medgan.errors import ConfigError, UsageError, WriteError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline, salt
from medgan.pipeline.salt import MARKER, check_same_salt, kept_at
from medgan.pipeline.shards import Shard
from medgan.pipeline.stage import Context
from tests.cli.small_scans import write_scan

ON = "export.deidentify=true"
LONG = "a salt that is long enough"


@pytest.fixture(autouse=True)
def _no_salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MEDGAN_SALT", raising=False)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_scan(tmp_path / "in" / "Smith.nii.gz").parent


def run(source: Path, out: Path, *overrides: str, salt_file: Path | None = None) -> RunSummary:
    options = RunOptions(workers=0, salt_file=salt_file)
    return run_pipeline("export_folder", source, out, overrides, options)


def tree(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file() and ".medgan" not in path.parts)
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in files}


def test_one_that_nobody_gave_lies_beside_the_output_for_its_owner(
    source: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    run(source, out, ON)
    kept = kept_at(out)
    assert kept == tmp_path / "out.salt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    salt = kept.read_text().strip()
    assert len(salt) == 64
    assert all(salt.encode() not in p.read_bytes() for p in out.rglob("*") if p.is_file())
    assert run(source, out, ON).n_up_to_date == 1
    assert kept.read_text().strip() == salt


def test_the_same_salt_gives_the_same_bytes_and_another_others(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "my.salt"
    file.write_text(f"{LONG}\n")
    write = (ON, "export.formats=[nifti, dicom]")
    run(source, tmp_path / "one", *write, salt_file=file)
    monkeypatch.setenv("MEDGAN_SALT", LONG)
    run(source, tmp_path / "two", *write)
    monkeypatch.setenv("MEDGAN_SALT", LONG + "!")
    run(source, tmp_path / "three", *write)
    one, two, three = (tree(tmp_path / name) for name in ("one", "two", "three"))
    assert one == two
    assert not one.keys() & three.keys()
    assert not kept_at(tmp_path / "two").exists()


def test_a_salt_that_can_be_guessed_is_refused(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.salt"
    file.write_text("salt")
    with pytest.raises(UsageError, match="16 at least"):
        run(source, tmp_path / "out", ON, salt_file=file)
    with pytest.raises(UsageError, match="cannot be read"):
        run(source, tmp_path / "out", ON, salt_file=tmp_path / "none")
    assert not (tmp_path / "out").exists()


def test_a_salt_without_use_is_told(source: Path, tmp_path: Path) -> None:
    file = tmp_path / "my.salt"
    file.write_text(LONG)
    with pytest.raises(UsageError, match="for de-identified outputs"):
        run(source, tmp_path / "out", salt_file=file)


def test_outputs_of_two_kinds_do_not_mix(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(source, tmp_path / "plain")
    with pytest.raises(UsageError, match="records may hold names"):
        run(source, tmp_path / "plain", ON)
    run(source, tmp_path / "hidden", ON)
    with pytest.raises(UsageError, match="this run would not be"):
        run(source, tmp_path / "hidden")
    monkeypatch.setenv("MEDGAN_SALT", LONG)
    with pytest.raises(UsageError, match="another salt"):
        run(source, tmp_path / "hidden", ON)


def test_a_run_that_is_refused_leaves_no_salt(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "plain")
    with pytest.raises(UsageError, match="records may hold names"):
        run(source, tmp_path / "plain", ON)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "plain"]


def test_one_that_was_lost_is_not_made_anew(source: Path, tmp_path: Path) -> None:
    run(source, tmp_path / "out", ON)
    kept_at(tmp_path / "out").unlink()
    with pytest.raises(UsageError, match="another salt"):
        run(source, tmp_path / "out", ON)
    assert not kept_at(tmp_path / "out").exists()


def test_shards_that_start_together_share_one(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another shard keeps its salt, and leaves its marker, after this one has looked for a salt."""
    looked = salt.salted

    def overtaken(*given: Any) -> Context:
        monkeypatch.setattr(salt, "salted", looked)
        mine = looked(*given)
        shard_of(1)
        return mine

    def shard_of(number: int) -> RunSummary:
        options = RunOptions(workers=0, shard=Shard(number, 2))
        return run_pipeline("export_folder", source, tmp_path / "out", [ON], options)

    monkeypatch.setattr(salt, "salted", overtaken)
    shard_of(2)
    assert kept_at(tmp_path / "out").exists()


def test_shards_that_start_together_find_each_others_marker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another shard leaves its marker, and begins to work, while this one looks about."""
    mine = Context(None, tmp_path / "out", salt=LONG)
    mine.state.mkdir(parents=True)
    (mine.state / "lock").touch()
    look = Path.iterdir

    def overtaken(folder: Path) -> Iterator[Path]:
        monkeypatch.setattr(Path, "iterdir", look)
        check_same_salt(dataclasses.replace(mine, salt=other))
        (mine.state / "ledger.shard-1-of-2.jsonl").touch()
        yield from look(folder)

    for other in (LONG, f"{LONG}!"):
        (mine.state / MARKER).unlink(missing_ok=True)
        (mine.state / "ledger.shard-1-of-2.jsonl").unlink(missing_ok=True)
        monkeypatch.setattr(Path, "iterdir", overtaken)
        if other == LONG:
            check_same_salt(mine)
        else:
            with pytest.raises(UsageError, match="another salt"):
                check_same_salt(mine)


def test_a_marker_is_left_where_a_file_system_has_no_links(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setenv("MEDGAN_SALT", LONG)
    run(source, tmp_path / "out", ON)
    assert run(source, tmp_path / "out", ON).n_up_to_date == 1
    assert not list(tmp_path.rglob("*.tmp"))


def test_stages_that_name_files_cannot_hide(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot de-identify"):
        run_pipeline("augment_dataset", source, tmp_path / "out", [ON], RunOptions(workers=0))


def test_scans_of_one_name_are_told_apart_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two people, each in a folder of their own, with the same salt."""
    monkeypatch.setenv("MEDGAN_SALT", LONG)
    names = set()
    for seed in (1, 2):
        source = write_scan(tmp_path / f"in{seed}" / "t1.nii.gz", seed=seed)
        (record,) = run(source, tmp_path / f"out{seed}", ON).records
        names.add(record.id)
    assert len(names) == 2


def test_a_salt_that_cannot_be_kept_is_told(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*given: object) -> None:
        raise PermissionError(1, "not here")

    monkeypatch.setattr("os.link", refuse)
    with pytest.raises(WriteError, match="cannot be kept"):
        run(source, tmp_path / "out", ON)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]
