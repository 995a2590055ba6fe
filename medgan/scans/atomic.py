"""Write beside and rename, so that an output is either whole or not there.

A file is first written as `.medgan-<process>-<random>.tmp` in its own folder, synced, and renamed
when all of its set are complete. A process that is killed may leave such temporaries behind: they
hold nothing that is needed, may be deleted, and are never read as scans (`is_temporary`).
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from medgan.errors import WriteError

PREFIX, SUFFIX = ".medgan-", ".tmp"
GZIP_LEVEL = 4
"""Above it a CT gets a few percent smaller for twice the time."""
_GZIP_FRAME = 31
"""zlib's window bits: the largest window, and a gzip header around it."""

_HINTS = {
    errno.ENOSPC: "Free some space, or write to another disk.",
    errno.EDQUOT: "Free some of your quota, or write to another disk.",
    errno.EACCES: "Choose a folder that you may write to.",
    errno.EPERM: "Choose a folder that you may write to.",
    errno.EROFS: "Choose a folder on a disk that is not read-only.",
    errno.ENAMETOOLONG: "Choose an output folder with a shorter path.",
    errno.ENOTDIR: "Choose another output folder: a file is where a folder has to be.",
    errno.EEXIST: "Choose another output folder: a file is where a folder has to be.",
    errno.EISDIR: "Choose another output folder: a folder is where a file has to be.",
}


def is_temporary(path: Path) -> bool:
    """Tell whether a file is a temporary of ours, alive or left behind."""
    return path.name.startswith(PREFIX) and path.name.endswith(SUFFIX)


def write_bytes(path: Path, data: bytes | Iterable[bytes]) -> None:
    """Write one file, whole or not at all; its folder is made when it is not there.

    Parameters
    ----------
    data
        The content, or its parts one after the other: then no more than one is in memory.

    Raises
    ------
    WriteError
        If there is no space, no permission, or something is in the way; nothing is left behind.
    """
    with writing_together() as outputs:
        outputs.add(path, data)


def sha256_of(path: Path) -> str:
    """sha256 of the bytes of a file: hex, 64 digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def gzipped(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Compress without a clock time or a name in the header: same input, same bytes."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, _GZIP_FRAME)
    for part in parts:
        if packed := packer.compress(part):
            yield packed
    yield packer.flush()


class Outputs:
    """Files that belong together: all are complete before the first gets its name."""

    def __init__(self) -> None:
        self._beside: dict[Path, Path] = {}
        self._published: list[Path] = []
        self.current = Path()

    def add(self, path: Path, data: bytes | Iterable[bytes]) -> None:
        """Write one file of the set, or its parts in turn, under a temporary name; sync it."""
        self.current = path
        path.parent.mkdir(parents=True, exist_ok=True)
        name = f"{PREFIX}{os.getpid()}-{secrets.token_hex(6)}{SUFFIX}"
        self._beside[path] = path.with_name(name)
        with self._beside[path].open("wb") as stream:
            for part in (data,) if isinstance(data, bytes) else data:
                stream.write(part)
            stream.flush()
            os.fsync(stream.fileno())

    def publish(self) -> None:
        """Give every file its name, and sync the folders."""
        for path, temporary in self._beside.items():
            self.current = path
            temporary.replace(path)
            self._published.append(path)
        for folder in {path.parent for path in self._beside}:
            _sync_folder(folder)

    def discard(self) -> None:
        """Remove all that was written: half a series is worse than none."""
        for path in (*self._beside.values(), *self._published):
            path.unlink(missing_ok=True)


@contextmanager
def writing_together() -> Iterator[Outputs]:
    """Publish the files added inside the block together when it ends, or none of them.

    Raises
    ------
    WriteError
        As `write_bytes`.
    """
    outputs = Outputs()
    try:
        yield outputs
        outputs.publish()
    except BaseException as error:
        outputs.discard()
        if isinstance(error, OSError) and not isinstance(error, WriteError):
            raise _write_error(error, outputs.current) from error
        raise


def _write_error(error: OSError, path: Path) -> WriteError:
    return WriteError(
        f"cannot be written: {error.strerror or type(error).__name__}",
        where=str(path),
        hint=_HINTS.get(error.errno or 0, ""),
    )


def _sync_folder(folder: Path) -> None:
    """Make the new names last through a power cut, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    except OSError:  # some network file systems refuse
        pass
    finally:
        os.close(handle)
