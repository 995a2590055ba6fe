"""What is done: append-only JSON lines, written by the driver alone, readable as text.

A line is written, and synced to the disk, after the outputs it speaks of are. So a crash at any
moment loses at most the mark of work that is on disk already, and that work is done again with
the same bytes. What a line says is believed only while the outputs still hold what it says.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from medgan.errors import WriteError
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.outcome import Outcome, Output

log = logging.getLogger(__name__)

LEDGER = "ledger.jsonl"
_OUTCOME = TypeAdapter(Outcome)


class Ledger:
    """The ledger of one output folder; open it under the lock.

    Parameters
    ----------
    out
        Output folder.
    digests
        Knows the content of files that have not changed.
    """

    def __init__(self, out: Path, state: Path, digests: FileDigests) -> None:
        self._out = out
        self._file = state / LEDGER
        self._digests = digests
        self._by_key: dict[str, Outcome] = {}
        self._by_unit: dict[str, Outcome] = {}
        self._torn_at: int | None = None
        if self._file.is_file():
            self._read()

    def up_to_date(self, key: str) -> Outcome | None:
        """Return the outcome of a key that is done and whose outputs are still as written."""
        outcome = self._by_key.get(key)
        if outcome is None or not all(self._is_intact(output) for output in outcome.outputs):
            return None
        return outcome

    def why(self, key: str, unit: str) -> str:
        """Say why a unit has to be done, in a few words."""
        if key in self._by_key:
            return "its outputs were changed or deleted"
        if unit in self._by_unit:
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
        del document["trace"]
        try:
            if self._torn_at is not None:
                os.truncate(self._file, self._torn_at)
                self._torn_at = None
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(document, sort_keys=True, allow_nan=False) + "\n")
                stream.flush()
                os.fsync(stream.fileno())
            if outcome.is_done:
                self._learn(outcome)
        except OSError as error:
            raise WriteError(
                f"the ledger cannot be written: {error.strerror}",
                where=str(self._file),
                hint="Make room on the disk and run the same command again; it goes on from here.",
            ) from error
        self._take(outcome)

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
        if outcome.is_done:
            self._by_key[outcome.key] = outcome
            self._by_unit[outcome.unit] = outcome

    def _read(self) -> None:
        text = self._file.read_bytes()
        whole = text[: text.rfind(b"\n") + 1]
        if len(whole) < len(text):
            self._torn_at = len(whole)  # a line torn by a crash
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(_OUTCOME.validate_json(line))
            except ValidationError:
                log.warning("ledger line %d is not readable; that work is done again", number)


def read_lines(state: Path) -> list[dict[str, Any]]:
    """Return the ledger as plain JSON, for people and tests; torn lines left out."""
    lines = []
    for line in (state / LEDGER).read_text(encoding="utf-8").splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            continue
    return lines


def _remove_empty(folder: Path, stop: Path) -> None:
    while folder != stop and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
