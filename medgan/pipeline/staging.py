"""Where a unit writes until all its stages are done: nothing unproved lies in the output folder.

A crash, a full disk or a kill in the middle of a unit leaves files below `.medgan/staging` only,
and the next run sweeps them away. Published files are renamed into place one by one; the done
mark in the ledger comes after the last.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from medgan.errors import WriteError
from medgan.pipeline.outcome import Output
from medgan.pipeline.stage import Context

STAGING = "staging"
_OUT_OF_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS}


def staging_folder(context: Context, key: str) -> Path:
    """Return the staging folder of the unit with this key."""
    return _root(context) / key[:16]


def mark(context: Context, key: str, stage: str) -> None:
    """Leave word of which stage has a unit in hand, for when its process is killed."""
    staging_folder(context, key).with_suffix(".at").write_text(stage, encoding="utf-8")


def clear(context: Context, key: str) -> str:
    """Remove what a unit left whose process has ended; returns the stage it was at, if known."""
    folder = staging_folder(context, key)
    shutil.rmtree(folder, ignore_errors=True)
    note = folder.with_suffix(".at")
    try:
        stage = note.read_text(encoding="utf-8")
        note.unlink()
    except OSError:
        return ""
    return stage


@contextmanager
def staging(context: Context, key: str) -> Iterator[Context]:
    """Give a unit a context whose `out` is its own empty folder; gone afterwards."""
    folder = staging_folder(context, key)
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir(parents=True)
        yield dataclasses.replace(context, out=folder)
    except WriteError as error:
        where = error.where.replace(str(folder), str(context.out))
        raise WriteError(error.what, where=where, hint=error.hint) from error
    except OSError as error:
        if error.errno not in _OUT_OF_ROOM:
            raise
        raise WriteError(
            f"an output cannot be written: {error.strerror}",
            where=str(context.out),
            hint="Make room on the disk, or choose another folder with -o, and run it again.",
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".at").unlink(missing_ok=True)


def publish(outputs: Iterable[Path], staged: Path, out: Path) -> tuple[Output, ...]:
    """Move files from the staging folder to the same place in the output folder.

    Returns
    -------
    tuple of Output
        What was published, sorted by path.
    """
    published = []
    folders = set()
    for path in sorted(set(outputs)):
        output = Output.of(path, staged)
        target = out / output.path
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        folders.add(target.parent)
        published.append(output)
    for folder in folders:
        _sync(folder)
    return tuple(published)


def sweep(context: Context) -> None:
    """Remove what a killed run left in its staging folders; call under the lock."""
    shutil.rmtree(_root(context), ignore_errors=True)


def _root(context: Context) -> Path:
    """Give each shard a place of its own; that of a whole run holds those of all its shards.

    A Dask worker has its own below that: one that was given up may live on, and have in hand what
    another has been given.
    """
    return context.state / STAGING / context.part / context.staged_by


def _sync(folder: Path) -> None:
    """Make renames in a folder last through a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
