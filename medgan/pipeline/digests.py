"""Content hashes of files, remembered by size and time so that unchanged bytes are read once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from medgan.errors import ReadError
from medgan.pipeline.pseudonym import pseudonym
from medgan.pipeline.state_files import all_parts, part_file

FILES = "files.jsonl"


class FileDigests:
    """sha256 of files with a cache on disk: one JSON line `[path, size, mtime_ns, sha256]` each.

    Parameters
    ----------
    folder
        Where the cache lies.
    part
        Shard that asks: it reads what all have found, and adds to a file of its own.
    read_only
        Add nothing to the cache on disk (dry runs).
    salt
        Paths outside of the output folder are remembered by their hash with it: they are names.
    """

    def __init__(
        self, folder: Path, part: str = "", *, read_only: bool = False, salt: str = ""
    ) -> None:
        self._file = part_file(folder, FILES, part)
        self._out, self._salt = folder.parent, salt
        self._read_only = read_only
        self._known: dict[tuple[str, int, int], str] = {}
        for file in all_parts(folder, FILES):
            self._read(file)

    def digest(self, path: Path) -> str:
        """sha256 of the bytes of a file: hex, 64 digits.

        Raises
        ------
        ReadError
            If it has vanished or cannot be read.
        """
        try:
            key = self._stamp(path)
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
        self._remember(self._stamp(path), sha256)

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

    def _stamp(self, path: Path) -> tuple[str, int, int]:
        stat = path.stat()
        name = path.absolute()
        is_told = not self._salt or name.is_relative_to(self._out)
        shown = str(name) if is_told else pseudonym("path", str(name), self._salt)
        return shown, stat.st_size, stat.st_mtime_ns

    def _read(self, file: Path) -> None:
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                path, size, mtime_ns, sha256 = json.loads(line)
            except (ValueError, TypeError):
                continue  # a line torn by a crash: that file is hashed again
            self._known[path, size, mtime_ns] = sha256
