"""What a run came to: exit code, figures and JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from medgan.errors import UnprovenError
from medgan.record import Failure, ScanRecord

NOT_DONE = "NotDone"
"""Kind of the failure of a scan that a run did not come to."""


@dataclass(frozen=True)
class RunSummary:
    """What a run came to.

    Parameters
    ----------
    records
        One per scan or virtual case, those that were up to date included.
    notes
        What was set aside or left out, with reasons.
    facts
        What per-run stages left, by stage.
    outputs
        All files, relative to `out`.
    n_done, n_up_to_date
        Units done now, and units that needed no work.
    stopped
        Why the pipeline stopped early, if it did.
    cut_short
        Why it was told to stop before all scans were tried, if it was; what is left can follow.
    unreported
        Why there is no report of all this, if there is none; the scans are not the worse for it.
    """

    pipeline: str
    out: Path
    records: tuple[ScanRecord, ...]
    notes: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    n_done: int = 0
    n_up_to_date: int = 0
    stopped: Failure | None = None
    cut_short: str = ""
    unreported: Failure | None = None

    @property
    def failed(self) -> tuple[ScanRecord, ...]:
        """Scans that were tried and not done, each with its reason."""
        return tuple(r for r in self.records if r.status == "failed" and not _is_left(r))

    @property
    def waiting(self) -> tuple[ScanRecord, ...]:
        """Scans that this run did not come to."""
        return tuple(record for record in self.records if _is_left(record))

    @property
    def damaged(self) -> tuple[ScanRecord, ...]:
        """Scans with slices whose files were damaged: filled, and named."""
        return tuple(r for r in self.records if r.damaged and r.status != "failed")

    @property
    def exit_code(self) -> int:
        """0 all well, 1 nothing could be done, 3 some scans failed or are not done yet.

        What was refused for want of proof is an answer, not a failure of the run: 3.
        """
        broken = [r for r in self.failed if r.failure and r.failure.kind != UnprovenError.__name__]
        if self.stopped or (broken and len(self.failed) == len(self.records)):
            return 1
        return 3 if self.failed or self.damaged or self.waiting or self.unreported else 0

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        return {
            "pipeline": self.pipeline,
            "out": str(self.out),
            "exit_code": self.exit_code,
            "done": self.n_done,
            "up_to_date": self.n_up_to_date,
            "failed": [record.id for record in self.failed],
            "not_done": [record.id for record in self.waiting],
            "stopped": self.cut_short or (None if self.stopped is None else self.stopped.what),
            "unreported": None if self.unreported is None else self.unreported.what,
            "outputs": list(self.outputs),
            "records": [record.as_json() for record in self.records],
            "set_aside": list(self.notes),
            "facts": self.facts,
        }


def _is_left(record: ScanRecord) -> bool:
    return record.failure is not None and record.failure.kind == NOT_DONE
