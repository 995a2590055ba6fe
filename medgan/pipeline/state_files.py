"""Files of the state folder: each shard writes its own, whoever reads, reads all of one kind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medgan.errors import WriteError


def part_file(state: Path, name: str, part: str) -> Path:
    """Return a state file of one shard, `ledger.shard-2-of-4.jsonl`; no two shards share one."""
    file = state / name
    return file.with_name(f"{file.stem}.{part}{file.suffix}") if part else file


def all_parts(state: Path, name: str) -> list[Path]:
    """Return a state file and those of all shards that are there, oldest first."""
    whole = state / name
    parts = sorted(state.glob(f"{whole.stem}.shard-*{whole.suffix}"))
    there = [(path.stat().st_mtime_ns, path) for path in parts]
    return [*([whole] if whole.is_file() else []), *(path for _, path in sorted(there))]


@contextmanager
def writing(file: Path) -> Iterator[None]:
    """Say what to do when a state file cannot be written.

    Raises
    ------
    WriteError
        If the disk is full or the folder has gone.
    """
    try:
        yield
    except OSError as error:
        raise WriteError(
            f"the {file.stem.partition('.')[0]} cannot be written: {error.strerror}",
            where=str(file),
            hint="Make room on the disk and run the same command again; it goes on from here.",
        ) from error
