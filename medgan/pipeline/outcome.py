"""What one unit came to: a plain value that crosses the process border, never an exception."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from medgan.record import Failure, ScanRecord

Status = Literal["done", "failed", "time", "memory", "crashed", "lost", "start", "left"]
"""`failed`: the stage said why. `time`, `memory`, `crashed`: the child was ended or died.
`lost`: the machines that had it in hand went away, one after the other.
`start`: the child could not load what it needs; no unit can be done. `left`: this run did not come
to it; never in the ledger."""


@dataclass(frozen=True)
class Output:
    """A file as it was written; the path is relative to the output folder."""

    path: str
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, out: Path) -> Output:
        """Look at a file that was just written."""
        with path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
        return cls(path.relative_to(out).as_posix(), path.stat().st_size, sha256)


@dataclass(frozen=True)
class Outcome:
    """What one unit came to.

    Parameters
    ----------
    unit
        Its id: `<source>/<item>` or the name of a per-run stage.
    records
        One per scan or virtual case.
    facts
        What a per-run stage leaves for later ones.
    seconds, peak_mb
        Wall time and largest memory of the child; for people, not part of any result.
    trace
        Traceback of a fault nobody foresaw; kept in a file, never shown.
    is_final
        Not so for a suspect whose process ended: it is tried once more, alone, at the end.
    """

    key: str
    unit: str
    status: Status
    records: tuple[ScanRecord, ...] = ()
    outputs: tuple[Output, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    trace: str = ""
    is_final: bool = True

    @property
    def is_done(self) -> bool:
        """Whether its outputs are on disk and can be relied on."""
        return self.status == "done"


def with_trace(outcome: Outcome, file: str) -> Outcome:
    """Say where the traceback of a failure lies, in the outcome and in its records."""
    if outcome.failure is None:
        return outcome
    failure = dataclasses.replace(outcome.failure, trace=file)
    records = tuple(dataclasses.replace(record, failure=failure) for record in outcome.records)
    return dataclasses.replace(outcome, failure=failure, records=records)
