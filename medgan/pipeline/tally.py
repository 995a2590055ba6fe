"""What comes of each unit: into the ledger first, then shown, then counted."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterable

from medgan import errors
from medgan.errors import StageError
from medgan.pipeline.ledger import Ledger
from medgan.pipeline.outcome import Outcome, with_trace
from medgan.pipeline.stage import STATE, Context
from medgan.pipeline.watch import Watcher
from medgan.record import ScanRecord

TRACES = "traces"


class Tally:
    """Takes outcomes as they come.

    Parameters
    ----------
    max_failures
        How many scans may fail; None: all.
    """

    def __init__(
        self, context: Context, ledger: Ledger, watcher: Watcher, max_failures: int | None
    ) -> None:
        self._context = context
        self._ledger = ledger
        self._watcher = watcher
        self._max_failures = max_failures
        self._suspects: dict[str, Outcome] = {}
        self.n_done = self.n_failed = 0

    @property
    def has_enough_failures(self) -> bool:
        """Whether the run has to stop; a suspect counts before its second try."""
        limit = self._max_failures
        return limit is not None and self.n_failed + len(self._suspects) >= limit

    def refuse(self, records: Iterable[ScanRecord]) -> None:
        """Count inputs that a source refused: failures like any other."""
        self.n_failed += sum(record.failure is not None for record in records)

    def take(self, outcome: Outcome) -> dict[str, Outcome]:
        """Make one outcome last, and show it; a suspect is only remembered.

        Returns
        -------
        dict
            The outcome by its key; empty for a suspect.

        Raises
        ------
        MedganError
            If no unit can be done, for the children cannot load what they need.
        WriteError
            If the ledger cannot be written.
        """
        if outcome.status == "start" and outcome.failure:
            failure = outcome.failure
            family = getattr(errors, failure.kind, StageError)
            raise family(failure.what, where=failure.where, hint=failure.hint)
        if not outcome.is_final:
            self._suspects[outcome.key] = outcome
            self._watcher.suspect(outcome)
            return {}
        self._suspects.pop(outcome.key, None)
        if outcome.trace:
            outcome = self._keep_trace(outcome)
        self._ledger.write(outcome)
        self.n_done += outcome.is_done
        self.n_failed += bool(outcome.records) and not outcome.is_done
        self._watcher.unit(outcome)
        return {outcome.key: outcome}

    def give_up_suspects(self) -> dict[str, Outcome]:
        """Take suspects for failed: there is no second try in a run that stops."""
        outcomes: dict[str, Outcome] = {}
        for suspect in list(self._suspects.values()):
            outcomes |= self.take(dataclasses.replace(suspect, is_final=True))
        return outcomes

    def _keep_trace(self, outcome: Outcome) -> Outcome:
        name = f"{STATE}/{TRACES}/{outcome.key[:16]}.txt"
        file = self._context.out / name
        with contextlib.suppress(OSError):  # a full disk is told by the ledger, right after
            file.parent.mkdir(exist_ok=True)
            file.write_text(f"{outcome.unit}\n\n{outcome.trace}", encoding="utf-8")
        return with_trace(outcome, name)
