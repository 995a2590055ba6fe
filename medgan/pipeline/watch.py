"""Who watches a run: what the driver tells, to whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Listed
from medgan.pipeline.summary import RunSummary


class Watcher(Protocol):
    """What the driver tells while it runs, in this order."""

    def begin(self, group: Sequence[Step], n_todo: int, n_up_to_date: int, listed: Listed) -> None:
        """Start a group: how much of it there is to do."""

    def suspect(self, outcome: Outcome) -> None:
        """Tell of a scan whose child ended; it is tried once more when all others are done."""

    def unit(self, outcome: Outcome) -> None:
        """Tell that one unit is done, or has failed for good."""

    def note(self, text: str) -> None:
        """Tell one line that belongs to no unit."""

    def end(self, summary: RunSummary) -> None:
        """Tell what the run came to."""

    def broken(self, error: BaseException) -> None:
        """Tell that the run was ended by an error, or by Ctrl-C."""

    def close(self) -> None:
        """Let go of terminal and files; may come twice."""


class Together:
    """Tells several watchers the same."""

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def begin(self, group: Sequence[Step], n_todo: int, n_up_to_date: int, listed: Listed) -> None:
        for watcher in self._watchers:
            watcher.begin(group, n_todo, n_up_to_date, listed)

    def suspect(self, outcome: Outcome) -> None:
        for watcher in self._watchers:
            watcher.suspect(outcome)

    def unit(self, outcome: Outcome) -> None:
        for watcher in self._watchers:
            watcher.unit(outcome)

    def note(self, text: str) -> None:
        for watcher in self._watchers:
            watcher.note(text)

    def end(self, summary: RunSummary) -> None:
        for watcher in self._watchers:
            watcher.end(summary)

    def broken(self, error: BaseException) -> None:
        for watcher in self._watchers:
            watcher.broken(error)

    def close(self) -> None:
        for watcher in self._watchers:
            watcher.close()


def seconds_left(elapsed_s: float, n_done: int, n_all: int) -> float:
    """Time that the rest takes if it goes on as so far."""
    return elapsed_s / n_done * (n_all - n_done) if n_done else 0.0
