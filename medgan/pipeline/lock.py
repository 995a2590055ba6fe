"""Who may write to an output folder: one whole run, or any number of its shards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from medgan.errors import UsageError, WriteError
from medgan.pipeline.state_files import part_file

LOCK = "lock"
_PATIENCE_S = 0.5
"""`medgan status` looks at locks by taking them for a moment; nobody is refused for that."""

_ours: list[TextIO] = []
"""Lock files that this process has open. A forked child has them open too, and would hold the lock
for as long as it lives, also when its parent was killed."""


def _close_in_child() -> None:
    while _ours:
        _ours.pop().close()


if hasattr(os, "register_at_fork"):  # where nothing forks, nothing is inherited
    os.register_at_fork(after_in_child=_close_in_child)


class BusyError(UsageError):
    """Another run holds the lock: what lies in the folder is its."""


@contextmanager
def locked(state: Path, part: str = "") -> Iterator[None]:
    """Hold the lock of an output folder, or of one shard in it.

    The kernel lets go of it when the process ends, however it ends, so that no stale lock can
    stand in the way. Children do not inherit it, forked ones neither: they close it at once.

    Parameters
    ----------
    state
        Folder `.medgan` of the output folder; made if need be.
    part
        Shard; shards of other names may work there at the same time, a whole run may not.

    Raises
    ------
    BusyError
        If another run holds it.
    WriteError
        If the folder cannot be made or written to.
    """
    import fcntl

    with _opened(state, "") as whole:
        _take(whole, fcntl.LOCK_SH if part else fcntl.LOCK_EX, state)
        if not part:
            _sign(whole)
            yield
            return
        with _opened(state, part) as own:
            _take(own, fcntl.LOCK_EX, state)
            _sign(own)
            yield


def holder(state: Path, part: str = "") -> str:
    """Say who holds a lock, e.g. `process 4711`; empty: nobody.

    Whole runs hold the lock without a part, shards their own.
    """
    import fcntl

    file = part_file(state, LOCK, part)
    if not file.is_file():
        return ""
    with file.open(encoding="utf-8") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return stream.read().strip() or "unknown"
    return ""


@contextmanager
def _opened(state: Path, part: str) -> Iterator[TextIO]:
    try:
        state.mkdir(parents=True, exist_ok=True)
        stream = part_file(state, LOCK, part).open("a+", encoding="utf-8")
    except OSError as error:
        raise WriteError(
            f"the output folder cannot be written to: {error.strerror}",
            where=str(state.parent),
            hint="Choose another folder with -o, or mend its permissions.",
        ) from error
    with stream:
        _ours.append(stream)
        try:
            yield stream
        finally:
            _ours.remove(stream)


def _take(stream: TextIO, how: int, state: Path) -> None:
    import fcntl

    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            fcntl.flock(stream, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < end:
                time.sleep(0.05)
                continue
            stream.seek(0)
            raise BusyError(
                f"another run is writing to this folder ({stream.read().strip() or 'a shard'})",
                where=str(state.parent),
                hint="Wait for it to end, or choose another folder with -o.",
            ) from None
        return


def _sign(stream: TextIO) -> None:
    stream.truncate(0)
    stream.write(f"process {os.getpid()}\n")
    stream.flush()
