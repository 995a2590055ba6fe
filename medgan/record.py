"""What happened to one scan, as plain data: report, summary, sidecar and ledger are views of it."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any, Literal, Self

DISCLAIMER = "Research use only, not for diagnosis"
"""What every output says of itself."""

Status = Literal["restored", "complete", "copied", "synthetic", "failed"]
Grade = Literal["good", "fair", "poor", "unknown"]
Task = Literal["gap", "end", "region", "thick", "noise"]
CorrectionKind = Literal["denoise", "gibbs", "bias_field"]


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
    overwritten
        The position held a slice, which was filled over on request.
    extrapolated
        It lies beyond the last measured slice: nothing was measured on its other side.
    """

    position: int
    world_mm: tuple[float, float, float]
    instance: int | None
    gap_length: int
    grade: Grade
    psnr_db: Interval | None = None
    ssim: Interval | None = None
    overwritten: bool = False
    extrapolated: bool = False


@dataclass(frozen=True)
class FilledRegion:
    """One connected region inside slices that was made: where, and how wrong it may be.

    Parameters
    ----------
    first, last
        First and last voxel along each axis, inclusive.
    world_mm
        Its centre of mass, RAS+ millimetres.
    psnr_db
        Expected error, from regions of its shape hidden elsewhere in the scan; None where there
        was no room for them.
    """

    first: tuple[int, int, int]
    last: tuple[int, int, int]
    n_voxels: int
    volume_mm3: float
    world_mm: tuple[float, float, float]
    grade: Grade
    psnr_db: Interval | None = None


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
        Length of the gaps it was tried out for; 0 for regions and thick slices.
    task
        What it was tried out on: slices between others, slices beyond an end, regions inside
        slices, thick slices made thinner. For `noise` nothing was hidden: `psnr_db` is expected
        against the scan without noise, by Stein's estimate.
    """

    name: str
    weight: float
    psnr_db: float
    ssim: float | None
    gap_length: int = 1
    task: Task = "gap"


@dataclass(frozen=True)
class Correction:
    """What was done to every slice of a scan, so that none is measured any more.

    Parameters
    ----------
    noise_level
        Estimated standard deviation of the noise that was taken away, in the unit of the scan.
    gain_db
        How much nearer to the truth the scan is expected to be; None where it cannot tell.
    """

    kind: CorrectionKind
    noise_level: float | None = None
    gain_db: float | None = None


@dataclass(frozen=True)
class Failure:
    """Why a scan was not done.

    Parameters
    ----------
    stage, kind
        Which stage met it, and the family of the fault, e.g. `WriteError`.
    trace
        File with the traceback below the output folder, of a fault nobody foresaw.
    """

    stage: str
    kind: str
    what: str
    where: str = ""
    hint: str = ""
    trace: str = ""


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
    regions
        Regions inside slices that were made; the mask output has them voxel by voxel.
    corrections
        What was done to every slice, in order; then none counts as measured.
    candidates
        Fillers with their weights and hidden-slice figures, or ways to take noise away with theirs,
        best first; the mixture itself is the entry named `mixture` (weight 1).
    n_hidden
        Measured slices that were hidden to score the candidates.
    shift_hu
        CT: how far the mean of a filled slice is expected to be off, HU; from hidden slices.
    model
        Name, sha256 and licence (SPDX expression, empty where it is not known) of the weights.
    is_calibrated
        Expected errors of filled slices were calibrated with the network in use (true as well where
        none is expected); where not, a note says with which.
    measured_hashes
        Position -> sha256 of stored values, as read; checked again on what was written.
    stored_type
        Of the values that `measured_hashes` are made of, as numpy names it.
    affine
        (4, 4) voxel index to RAS+ millimetres, of what was written; gaps included.
    synthetic
        Positions that a program made, wholly or in part, in what was written.
    resampled
        A tilted stack was brought onto a straight grid: every value is derived, none measured.
    volume
        Index along the fourth dimension of what was written; None in a 3D file.
    outputs
        Paths relative to the output folder.
    output_hashes
        Output -> sha256 of its bytes; the sidecar cannot have its own.
    pictures
        PNG paths relative to the output folder, for the report.
    content_hash
        `Scan.content_hash` of the whole scan as read, where a later stage has to know it again.
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
    regions: tuple[FilledRegion, ...] = ()
    corrections: tuple[Correction, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    n_hidden: int = 0
    shift_hu: Interval | None = None
    model: dict[str, str] = field(default_factory=dict)
    is_calibrated: bool = True
    sources: tuple[str, ...] = ()
    measured_hashes: dict[str, str] = field(default_factory=dict)
    stored_type: str = ""
    affine: tuple[tuple[float, ...], ...] = ()
    synthetic: tuple[int, ...] = ()
    resampled: bool = False
    volume: int | None = None
    outputs: tuple[str, ...] = ()
    output_hashes: dict[str, str] = field(default_factory=dict)
    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    failure: Failure | None = None
    content_hash: str = ""

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


def finite(document: Any) -> Any:
    """Return plain JSON with null for what JSON cannot hold: numbers that are not finite."""
    if isinstance(document, dict):
        return {key: finite(value) for key, value in document.items()}
    if isinstance(document, list | tuple):
        return [finite(value) for value in document]
    if isinstance(document, float) and not math.isfinite(document):
        return None
    if dataclasses.is_dataclass(document) and not isinstance(document, type):
        return finite(dataclasses.asdict(document))
    return document
