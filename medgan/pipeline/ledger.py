"""What is done: append-only JSON lines, written by the driver alone, readable as text.

A line is written, and synced to the disk, after the outputs it speaks of are. So a crash at any
moment loses at most the mark of work that is on disk already, and that work is done again with
the same bytes. What a line says is believed only while the outputs still hold what it says.

Each shard writes a file of its own, so that no two machines write to one; whoever reads, reads
all. The next whole run folds them into one (`fold`).
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from collections.abc import Container, Iterable
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from medgan.pipeline.digests import FileDigests
from medgan.pipeline.outcome import Outcome, Output
from medgan.pipeline.state_files import all_parts, part_file, writing

log = logging.getLogger(__name__)

LEDGER = "ledger.jsonl"
_OUTCOME = TypeAdapter(Outcome)
_NOT_WRITTEN = ("trace", "is_final")


class Ledger:
    """The ledger of one output folder; open it under the lock.

    Parameters
    ----------
    out
        Output folder.
    digests
        Knows the content of files that have not changed.
    part
        Shard that writes; empty: a whole run.
    """

    def __init__(self, out: Path, state: Path, digests: FileDigests, part: str = "") -> None:
        self._out = out
        self._file = part_file(state, LEDGER, part)
        self._digests = digests
        self._by_key: dict[str, Outcome] = {}
        self._by_unit: dict[str, Outcome] = {}
        self._last: dict[str, Outcome] = {}
        self._torn_at: int | None = None
        for file in all_parts(state, LEDGER):
            self._read(file)

    def up_to_date(self, key: str) -> Outcome | None:
        """Return the outcome of a key that is done and whose outputs are still as written."""
        outcome = self._by_key.get(key)
        if outcome is None or not all(self._is_intact(output) for output in outcome.outputs):
            return None
        return outcome

    def last(self, unit: str) -> Outcome | None:
        """Return what a unit last came to, done or failed, whatever it was made from."""
        return self._last.get(unit)

    def with_results(self, units: Iterable[str]) -> list[str]:
        """Return the ids of those units that have results, of whatever they were made from."""
        return [unit for unit in units if unit in self._by_unit]

    @property
    def units(self) -> tuple[str, ...]:
        """Ids of all units that ever came to something, oldest first."""
        return tuple(self._last)

    def why(self, key: str, unit: str) -> str:
        """Say why a unit has to be done, in a few words."""
        last = self._last.get(unit)
        if last is not None and not last.is_done and last.key == key:
            return "it failed the last time"
        if key in self._by_key:
            return "its outputs were changed or deleted"
        if unit in self._last:
            return "its input, settings, model or program changed"
        return "not done yet"

    def write(self, outcome: Outcome) -> None:
        """Append an outcome and sync it; drop files that an older one left and this did not.

        Raises
        ------
        WriteError
            If the disk is full or the folder has gone.
        """
        document = dataclasses.asdict(outcome)
        for name in _NOT_WRITTEN:
            del document[name]
        with writing(self._file):
            if self._torn_at is not None:
                os.truncate(self._file, self._torn_at)
                self._torn_at = None
            line = json.dumps(document, sort_keys=True, allow_nan=False) + "\n"
            _append(self._file, line.encode("utf-8"))
            if outcome.is_done:
                self._learn(outcome)
        self._take(outcome)

    def left_over(self, group: str, units: Container[str]) -> list[str]:
        """Return units of a group that are none of these now, and whose files are still there."""
        return [
            unit
            for unit, outcome in self._by_unit.items()
            if unit.startswith(group) and unit not in units
            if any((self._out / output.path).is_file() for output in outcome.outputs)
        ]

    def drop_stale(self, unit: str, kept: frozenset[str]) -> None:
        """Delete files an older outcome of a unit left, unless kept or changed by somebody."""
        older = self._by_unit.get(unit)
        for output in older.outputs if older else ():
            path = self._out / output.path
            if output.path not in kept and self._is_intact(output):
                path.unlink()
                _remove_empty(path.parent, self._out)

    def _learn(self, outcome: Outcome) -> None:
        for output in outcome.outputs:
            self._digests.learn(self._out / output.path, output.sha256)
        self.drop_stale(outcome.unit, frozenset(output.path for output in outcome.outputs))

    def _is_intact(self, output: Output) -> bool:
        return self._digests.matches(self._out / output.path, output.size, output.sha256)

    def _take(self, outcome: Outcome) -> None:
        self._last.pop(outcome.unit, None)  # so that the order is that of the last outcomes
        self._last[outcome.unit] = outcome
        if outcome.is_done:
            self._by_key[outcome.key] = outcome
            self._by_unit[outcome.unit] = outcome

    def _read(self, file: Path) -> None:
        whole, is_torn = _whole_lines(file)
        if is_torn and file == self._file:
            self._torn_at = len(whole)
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(_OUTCOME.validate_json(line))
            except ValidationError:
                log.warning("ledger line %d is not readable; that work is done again", number)


def fold(state: Path, name: str = LEDGER) -> None:
    """Put what shards have written at the end of the file of the whole run, and delete theirs.

    Call it under the lock of a whole run: no shard works then. A crash in the middle leaves
    lines in both, which the next time are told apart from new ones.
    """
    whole = state / name
    for file in all_parts(state, name):
        if file == whole:
            continue
        known, is_torn = _whole_lines(whole) if whole.is_file() else (b"", False)
        seen = set(known.splitlines())
        lines = [line for line in _whole_lines(file)[0].splitlines() if line not in seen]
        with writing(whole):
            if is_torn:
                os.truncate(whole, len(known))
            _append(whole, b"".join(line + b"\n" for line in lines))
            file.unlink()


def read_lines(state: Path) -> list[dict[str, Any]]:
    """Return the ledger as plain JSON, for people and tests; torn lines left out."""
    lines = []
    for file in all_parts(state, LEDGER):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                lines.append(json.loads(line))
            except ValueError:
                continue
    return lines


def _whole_lines(file: Path) -> tuple[bytes, bool]:
    """Read a file up to its last line end; says whether a line torn by a crash came after."""
    text = file.read_bytes()
    whole = text[: text.rfind(b"\n") + 1]
    return whole, len(whole) < len(text)


def _append(file: Path, text: bytes) -> None:
    with file.open("ab") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def _remove_empty(folder: Path, stop: Path) -> None:
    while folder != stop and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
