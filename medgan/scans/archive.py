"""Open a `.zip` of scans: extract it, within bounds, to a temporary folder of this process.

The folder goes when the process ends. Of one that was killed it is left: whoever extracts next, as
the same user, removes it. The kernel lets go of the lock in it when its process ends, however.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from medgan.errors import ReadError

MAX_BYTES, MAX_MEMBERS = 16 << 30, 200_000
"""Beyond a large study; an archive that claims more may be made to fill the disk."""

CHUNK = 1 << 20
PREFIX, LOCK = "medgan_zip_", "lock"


@dataclass(frozen=True)
class Extracted:
    """An archive on disk.

    Parameters
    ----------
    folder
        Temporary folder that holds the members under their own names; removed at exit.
    faults
        Members that were not extracted: path inside `folder`, reason.
    """

    folder: Path
    faults: tuple[tuple[Path, str], ...]


_extracted: dict[tuple[str, int, int], Extracted] = {}
_own: dict[int, tuple[Path, BinaryIO]] = {}
"""Temporary folder by process, and its lock, held open: a forked child makes one of its own."""


def is_archive(path: Path, head: bytes) -> bool:
    """Tell a zip of files by name and content; other formats are zips inside, too."""
    return path.suffix.lower() == ".zip" and head[:2] == b"PK"


def extract(path: Path) -> Extracted:
    """Extract an archive once for each process; a file that changed is extracted again.

    Nothing is written outside the folder: members with absolute names, with `..`, and links are
    left out and named.

    Raises
    ------
    ReadError
        If it is no archive, or holds more than 16 GiB or 200,000 files.
    """
    state = path.stat()
    key = (str(path.resolve()), state.st_mtime_ns, state.st_size)
    if key not in _extracted:
        _extracted[key] = _extract(path, Path(tempfile.mkdtemp(dir=_own_folder())))
    return _extracted[key]


def _own_folder() -> Path:
    """Return the folder of this process, which its owner alone may open; sweep those of dead ones.

    Where files cannot be locked, nothing can be told of other processes, and nothing is swept.
    """
    import fcntl

    if os.getpid() not in _own or not _own[os.getpid()][0].is_dir():
        _sweep()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        stream = (folder / f".{LOCK}").open("wb")
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        # Only now can others see a lock: they would take one that nobody holds yet.
        (folder / f".{LOCK}").rename(folder / LOCK)
        _own[os.getpid()] = folder, stream
    return _own[os.getpid()][0]


def _sweep() -> None:
    """Remove folders of this user's processes that have ended without removing them."""
    import fcntl

    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            is_ours = folder.lstat().st_uid == os.getuid() and not folder.is_symlink()
            if not is_ours:
                continue
            with (folder / LOCK).open("rb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # else its process lives
                shutil.rmtree(folder, ignore_errors=True)


def _extract(path: Path, folder: Path) -> Extracted:
    faults: list[tuple[Path, str]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_size(path, members)
            for member in members:
                target = _target(folder, member)
                if target is None:
                    faults.append((folder / Path(member.filename).name, "its path is not safe"))
                    continue
                fault = _write(archive, member, target)
                if fault:
                    faults.append((target, fault))
    except ReadError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, OSError) as error:
        raise ReadError(
            f"the archive cannot be extracted ({type(error).__name__})",
            where=path.name,
            hint="Copy it again, or extract it yourself and give the folder.",
        ) from error
    return Extracted(folder, tuple(faults))


def _check_size(path: Path, members: list[zipfile.ZipInfo]) -> None:
    n_bytes = sum(member.file_size for member in members)
    if n_bytes > MAX_BYTES or len(members) > MAX_MEMBERS:
        raise ReadError(
            f"the archive holds {len(members)} files of {n_bytes} bytes; "
            f"{MAX_MEMBERS} files of {MAX_BYTES} bytes are the limit",
            where=path.name,
            hint="Extract it yourself and give the folder.",
        )


def _target(folder: Path, member: zipfile.ZipInfo) -> Path | None:
    """Where a member goes; None for links, and for paths that leave the folder."""
    name = PurePosixPath(member.filename.replace("\\", "/"))
    if stat.S_ISLNK(member.external_attr >> 16):
        return None
    if name.is_absolute() or ".." in name.parts or ":" in name.parts[0] or "\0" in str(name):
        return None
    return folder.joinpath(*name.parts)


def _write(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> str:
    """Write one member; say why it could not be."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with archive.open(member) as source, target.open("wb") as out:
            left = member.file_size  # a member that lies about its size stops here
            while left > 0 and (data := source.read(min(CHUNK, left))):
                out.write(data)
                left -= len(data)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        target.unlink(missing_ok=True)
        return "it is damaged inside the archive"
    except RuntimeError:
        return "it is encrypted"
    return ""
