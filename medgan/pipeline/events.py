"""What a run tells a program: one JSON line for each event, as it happens.

Every line has `event` and `elapsed_s`, seconds since the run began. Nothing in it is patient text:
units go by the ids that `medgan inspect` prints.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from medgan.errors import MedganError, WriteError
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Listed
from medgan.pipeline.summary import RunSummary
from medgan.pipeline.watch import seconds_left


class Events:
    """Writes the events of a run.

    Parameters
    ----------
    to
        File to append to, or an open stream. What cannot be written on the way stops no run.

    Raises
    ------
    WriteError
        If it cannot be opened.
    """

    def __init__(self, to: Path | TextIO) -> None:
        self._to = to
        self._n = self._total = 0
        self._started = self._group_started = time.monotonic()
        try:
            self._append("")
        except OSError as error:
            raise WriteError(
                f"the events cannot be written: {error.strerror}",
                where=str(to),
                hint="Name a file in a folder that is there with --events, or - for stderr.",
            ) from error

    def begin(self, group: Sequence[Step], n_todo: int, n_up_to_date: int, listed: Listed) -> None:
        self._n, self._total, self._group_started = 0, n_todo, time.monotonic()
        refused = [record.id for record in listed.records if record.status == "failed"]
        names = [step.name for step in group]
        self._write("begin", stages=names, todo=n_todo, up_to_date=n_up_to_date, refused=refused)

    def suspect(self, outcome: Outcome) -> None:
        self._write("suspect", **_outcome(outcome))

    def unit(self, outcome: Outcome) -> None:
        self._n += 1
        elapsed = time.monotonic() - self._group_started
        left = round(seconds_left(elapsed, self._n, self._total), 1)
        self._write("unit", **_outcome(outcome), n=self._n, of=self._total, left_s=left)

    def note(self, text: str) -> None:
        self._write("note", text=text)

    def end(self, summary: RunSummary) -> None:
        self._write(
            "end",
            exit_code=summary.exit_code,
            done=summary.n_done,
            up_to_date=summary.n_up_to_date,
            failed=[record.id for record in summary.failed],
            not_done=len(summary.waiting),
            stopped=summary.as_json()["stopped"],
        )

    def broken(self, error: BaseException) -> None:
        if isinstance(error, MedganError):
            told = {"what": error.what, "where": error.where, "hint": error.hint}
        else:
            told = {"what": "interrupted" if isinstance(error, KeyboardInterrupt) else ""}
        self._write("broken", kind=type(error).__name__, **told)

    def close(self) -> None:
        """Nothing to let go of: the file is opened for each line."""

    def _write(self, event: str, **facts: Any) -> None:
        elapsed = round(time.monotonic() - self._started, 3)
        line = {"event": event, "elapsed_s": elapsed, **facts}
        with contextlib.suppress(OSError):
            self._append(json.dumps(line, allow_nan=False) + "\n")

    def _append(self, text: str) -> None:
        if isinstance(self._to, Path):
            with self._to.open("a", encoding="utf-8") as stream:
                stream.write(text)
            return
        self._to.write(text)
        self._to.flush()


def _outcome(outcome: Outcome) -> dict[str, Any]:
    failure = outcome.failure
    return {
        "unit": outcome.unit,
        "status": outcome.status,
        "seconds": outcome.seconds,
        "peak_mb": outcome.peak_mb,
        "failure": None if failure is None else dataclasses.asdict(failure),
        "outputs": [output.path for output in outcome.outputs],
    }
