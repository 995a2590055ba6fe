"""One run at a time in one output folder: a lock that dies with its process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medgan.errors import UsageError, WriteError

LOCK = "lock"


@contextmanager
def locked(state: Path) -> Iterator[None]:
    """Hold the lock of an output folder.

    The kernel lets go of it when the process ends, however it ends, so that no stale lock can
    stand in the way. Children do not inherit it.

    Parameters
    ----------
    state
        Folder `.medgan` of the output folder; made if need be.

    Raises
    ------
    UsageError
        If another run holds it.
    WriteError
        If the folder cannot be made or written to.
    """
    import fcntl

    try:
        state.mkdir(parents=True, exist_ok=True)
        stream = (state / LOCK).open("a+", encoding="utf-8")
    except OSError as error:
        raise WriteError(
            f"the output folder cannot be written to: {error.strerror}",
            where=str(state.parent),
            hint="Choose another folder with -o, or mend its permissions.",
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            stream.seek(0)
            raise UsageError(
                f"another run is writing to this folder ({stream.read().strip() or 'unknown'})",
                where=str(state.parent),
                hint="Wait for it to end, or choose another folder with -o.",
            ) from None
        stream.truncate(0)
        stream.write(f"process {os.getpid()}\n")
        stream.flush()
        yield
