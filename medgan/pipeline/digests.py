"""Content hashes of files, remembered by size and time so that unchanged bytes are read once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from medgan.errors import ReadError

FILES = "files.jsonl"


class FileDigests:
    """sha256 of files with a cache on disk: one JSON line `[path, size, mtime_ns, sha256]` each.

    Parameters
    ----------
    folder
        Where the cache lies.
    read_only
        Add nothing to the cache on disk (dry runs).
    """

    def __init__(self, folder: Path, *, read_only: bool = False) -> None:
        self._file = folder / FILES
        self._read_only = read_only
        self._known: dict[tuple[str, int, int], str] = {}
        if self._file.is_file():
            self._read(self._file)

    def digest(self, path: Path) -> str:
        """sha256 of the bytes of a file: hex, 64 digits.

        Raises
        ------
        ReadError
            If it has vanished or cannot be read.
        """
        try:
            key = _stamp(path)
            if key not in self._known:
                with path.open("rb") as stream:
                    self._remember(key, hashlib.file_digest(stream, "sha256").hexdigest())
        except OSError as error:
            raise ReadError(
                f"cannot be read: {error.strerror}",
                where=str(path),
                hint="Was it moved or deleted while the run was going on?",
            ) from error
        return self._known[key]

    def learn(self, path: Path, sha256: str) -> None:
        """Remember a hash that was computed elsewhere, just now."""
        self._remember(_stamp(path), sha256)

    def matches(self, path: Path, size: int, sha256: str) -> bool:
        """Whether a file is there with this content."""
        try:
            return path.stat().st_size == size and self.digest(path) == sha256
        except OSError:
            return False

    def _remember(self, key: tuple[str, int, int], sha256: str) -> None:
        self._known[key] = sha256
        if not self._read_only:
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps([*key, sha256]) + "\n")

    def _read(self, file: Path) -> None:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                path, size, mtime_ns, sha256 = json.loads(line)
            except ValueError:
                continue  # a line torn by a crash: that file is hashed again
            self._known[path, size, mtime_ns] = sha256


def _stamp(path: Path) -> tuple[str, int, int]:
    stat = path.stat()
    return str(path.absolute()), stat.st_size, stat.st_mtime_ns
