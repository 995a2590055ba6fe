"""What happened to one scan, as plain data: report, summary, sidecar and ledger are views of it."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Self

Status = Literal["restored", "complete", "copied", "synthetic", "failed"]
Grade = Literal["good", "fair", "poor", "unknown"]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 90 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class FilledSlice:
    """One slice that was made: where, and how wrong it is expected to be.

    Parameters
    ----------
    position
        Zero-based along the scan's axis.
    world_mm
        Centre of the slice, RAS+ millimetres.
    instance
        Instance number that was missing, if it can be told.
    gap_length
        Length of the gap it lies in.
    psnr_db, ssim
        Expected error against the slice that was lost; None where this scan cannot tell.
    grade
        The same in a word.
    """

    position: int
    world_mm: tuple[float, float, float]
    instance: int | None
    gap_length: int
    grade: Grade
    psnr_db: Interval | None = None
    ssim: Interval | None = None
    overwritten: bool = False


@dataclass(frozen=True)
class Candidate:
    """A way to fill gaps, as it did on hidden slices of this very scan.

    Parameters
    ----------
    name
        Filler, e.g. `linear`, `symmetric_flow`, `slices-faithful`.
    weight
        Its share of the mixture, 0..1.
    psnr_db, ssim
        On the hidden slices; range P0.5..P99.5 of the measured slices.
    gap_length
        Length of the gaps it was tried out for.
    """

    name: str
    weight: float
    psnr_db: float
    ssim: float
    gap_length: int = 1


@dataclass(frozen=True)
class Failure:
    """Why a scan was not done."""

    stage: str
    kind: str
    what: str
    where: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ScanRecord:
    """All that is known about one scan after a run. No clock times, no patient text.

    Parameters
    ----------
    id
        As `inspect` prints it.
    missing, missing_instances, damaged
        As found.
    filled
        Slices that were made.
    candidates
        Fillers with their weights and hidden-slice figures, best first; the mixture itself is
        the entry named `mixture` (weight 1).
    n_hidden
        Measured slices that were hidden to score the candidates.
    model
        Name and sha256 of the weights, e.g. {"name": ..., "sha256": ...}.
    measured_hashes
        Position -> sha256 of stored values, as read; checked again on what was written.
    outputs
        Paths relative to the output folder.
    pictures
        PNG paths relative to the output folder, for the report.
    """

    id: str
    status: Status
    format: str = ""
    modality: str = ""
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    orientation: str = ""
    axis: int = 2
    ruler: str = ""
    missing: tuple[int, ...] = ()
    missing_instances: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()
    filled: tuple[FilledSlice, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    n_hidden: int = 0
    model: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    measured_hashes: dict[str, str] = field(default_factory=dict)
    outputs: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None

    def as_json(self) -> dict[str, Any]:
        """Plain JSON; round-trips through `from_json`."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Rebuild a record from `as_json`."""
        from pydantic import TypeAdapter

        return TypeAdapter(cls).validate_python(document)


def dump(document: object) -> str:
    """Write JSON the one way it is written here: sorted, indented, non-finite numbers refused."""
    return json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n"
