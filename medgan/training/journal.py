"""The log of a run, one JSON line at a time, and how long it waited for data.

`log.jsonl` is for people and plots: nothing in it is read back but the steps of its lines.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from medgan.scans.atomic import write_bytes
from medgan.training.board import Board

LOG = "log.jsonl"

T = TypeVar("T")


class Journal:
    """Appends to `log.jsonl` of a run folder."""

    def __init__(self, run: Path) -> None:
        self.path = run / LOG
        self.board: Board | None = None

    def write(self, line: dict[str, Any]) -> None:
        """Append one line; show it on the board, if there is one."""
        if self.board:
            self.board.write(line)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")

    def close(self) -> None:
        """Write what the board has not written yet."""
        if self.board:
            self.board.close()

    def cut(self, step: int) -> None:
        """Drop the lines of later steps: they will be written again."""
        if self.path.is_file():
            lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = "".join(line for line in lines if _step_of(line) <= step)
            write_bytes(self.path, kept.encode())


class Waiting:
    """Measures which share of the wall time goes into waiting for batches."""

    def __init__(self) -> None:
        self._started = self._marked = time.perf_counter()
        self._waited = self._waited_before = 0.0

    def timed(self, batches: Iterator[T]) -> Iterator[T]:
        """Pass batches on."""
        while True:
            asked = time.perf_counter()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._waited += time.perf_counter() - asked
            yield batch

    def since_last(self) -> float:
        """Return the share since this was last asked, or since the start; 0 to 1."""
        now = time.perf_counter()
        share = (self._waited - self._waited_before) / max(now - self._marked, 1e-9)
        self._marked, self._waited_before = now, self._waited
        return share

    @property
    def share(self) -> float:
        """The share since the start."""
        return self._waited / max(time.perf_counter() - self._started, 1e-9)


def _step_of(line: str) -> float:
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError):  # a line cut short by a crash
        return math.inf
