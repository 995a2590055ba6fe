"""A marked region inside slices: filled by Laplace's equation, judged on regions hidden elsewhere.

No learned filler is shipped for regions. The same shape is hidden at places of this scan whose rims
look most like that of the real region, filled in the same way, and scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass

from medgan.errors import RestoreError, UnprovenError
from medgan.interpolation.harmonic import Box, fill_harmonic, parts_in, rim
from medgan.record import Candidate, FilledRegion, Grade, Interval, ScanRecord
from medgan.restoration.describe import describe, world
from medgan.restoration.intervals import prediction_interval
from medgan.restoration.likeness import PERFECT_DB, decibels
from medgan.restoration.scale import Scale, scale_of
from medgan.scans import Scan

N_PLACES = 8
"""Places at which one shape is hidden."""

MAX_PLACES = 2_000
"""Places that are looked at, at most, to choose those from."""

MAX_TRIED = 40
"""Regions that are tried out, the largest first: of a thousand specks the rest is unknown."""

GOOD_DB, FAIR_DB = 30.0, 22.0
"""Expected PSNR from which a region is called good, or fair. A convention, not a clinical
threshold."""

HARMONIC, BASELINE = "harmonic", "mean_of_rim"

Values = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Part:
    """One connected part of a region: the box around it, one voxel wider, and its voxels there."""

    box: Box
    inside: Flags

    @property
    def n_voxels(self) -> int:
        return int(self.inside.sum())


@dataclass(frozen=True)
class HiddenRegion:
    """What became of a part's shape at one place: mean squared errors in units of the range."""

    harmonic: float
    mean_of_rim: float


def fill_region(scan: Scan, marked: Flags, *, force: bool = False) -> tuple[Scan, ScanRecord]:
    """Fill marked voxels of a complete scan.

    Parameters
    ----------
    scan
        Without gaps.
    marked
        `(i, j, k)` bool: what to fill. Its values are not looked at.
    force
        Fill parts, too, that no place could be found for to try them out.

    Returns
    -------
    tuple
        The scan, all other voxels as they were, and its record, without outputs.

    Raises
    ------
    RestoreError
        If slices are missing, a part has no measured voxel beside it, none could be tried out, or
        filling does not settle.
    """
    if scan.missing:
        raise RestoreError(
            "slices are missing, and a region can be filled in a complete scan only",
            where=scan.id,
            hint="Restore the scan without the mask first, then give the mask with the result.",
        )
    measured = scan.with_region(marked)
    assert measured.region is not None  # set by `with_region`
    values = scan.values
    if scan.padding is not None:
        values[scan.stored == scan.padding] = np.nan
    scale = _scale(values, measured.region)
    parts = parts_of(marked)
    tried = [hide_alike(values, measured.region, part, scan, scale) for part in parts[:MAX_TRIED]]
    untried = [part.n_voxels for part, scores in zip(parts, tried, strict=False) if not scores]
    if untried and not force:
        raise UnprovenError(
            f"a region of {max(untried)} voxels cannot be tried out: no other place of the scan "
            "has room for its shape",
            where=scan.id,
            hint="Give --force (restore.force=true) to fill it all the same; its error will be "
            "unknown.",
        )
    for part in parts:
        values[part.box][part.inside] = _filled(values, marked, part, scan)[part.inside]
    record = describe(scan, _untouched(measured), range(scan.n_positions))
    scores = [*tried, *[[]] * (len(parts) - len(tried))]
    return measured.with_voxels(marked, values), replace(
        record,
        status="restored",
        ruler="|" * scan.n_positions,
        missing=(),
        missing_instances=(),
        regions=tuple(_region(scan, part, s) for part, s in zip(parts, scores, strict=True)),
        candidates=_candidates(tried),
        notes=(*scan.notes, *_notes(measured, marked, parts)),
    )


def parts_of(marked: Flags) -> list[Part]:
    """Return the parts of a region that hang together by faces, the largest first."""
    parts = [Part(box, inside) for box, inside in parts_in(marked)]
    return sorted(parts, key=lambda part: -part.n_voxels)


def hide_alike(
    values: Values, made: Flags, part: Part, scan: Scan, scale: Scale
) -> list[HiddenRegion]:
    """Hide the shape of a part at other places of the scan, fill it there, and score it."""
    around = rim(part.inside)
    scores = []
    for box in _places(values, made, part, around):
        truth = values[box]
        hidden = np.where(part.inside, np.nan, truth)
        filled = _settled(hidden, part, scan)
        true = truth[part.inside]
        scores.append(
            HiddenRegion(
                float(np.mean(np.square((filled[part.inside] - true) / scale.width))),
                float(np.mean(np.square((truth[around].mean() - true) / scale.width))),
            )
        )
    return scores


def _places(values: Values, made: Flags, part: Part, around: Flags) -> list[Box]:
    """Choose boxes without made voxels whose rims look most like that of the part."""
    size = part.inside.shape
    own = values[part.box][around & ~made[part.box]]
    own = own[np.isfinite(own)]
    if not own.size:
        return []
    found: list[tuple[float, tuple[int, ...]]] = []
    for corner in _corners(values.shape, size):
        box = _box(corner, size)
        if made[box].any() or not np.isfinite(values[box]).all():
            continue
        seen = values[box][around]
        unlike = abs(float(seen.mean() - own.mean())) + abs(float(seen.std() - own.std()))
        found.append((unlike, corner))
    chosen: list[tuple[int, ...]] = []
    for _, corner in sorted(found):
        apart = (
            any(abs(a - b) >= s for a, b, s in zip(corner, other, size, strict=True))
            for other in chosen
        )
        if all(apart):
            chosen.append(corner)
        if len(chosen) == N_PLACES:
            break
    return [_box(corner, size) for corner in chosen]


def _corners(shape: Sequence[int], size: Sequence[int]) -> list[tuple[int, ...]]:
    """Return corners of boxes about half a box apart, or further where there would be too many."""
    room = np.subtract(shape, size)
    steps = room // np.maximum(np.asarray(size) // 2, 1)
    share = min(1.0, (MAX_PLACES / float(np.prod(steps + 1))) ** (1 / 3))
    axes = [
        np.unique(np.linspace(0, free, max(1, int((n + 1) * share))).astype(int)).tolist()
        for free, n in zip(room.tolist(), steps.tolist(), strict=True)
    ]
    return list(product(*axes))


def _box(corner: Sequence[int], size: Sequence[int]) -> Box:
    return tuple(slice(c, c + s) for c, s in zip(corner, size, strict=True))


def _filled(values: Values, marked: Flags, part: Part, scan: Scan) -> NDArray[np.float64]:
    """Fill one part in its box; other parts in it are walls."""
    known = np.where(marked[part.box], np.nan, values[part.box])
    return _settled(known, part, scan)


def _settled(values: Values, part: Part, scan: Scan) -> NDArray[np.float64]:
    """Fill the voxels of a part in a box `(i, j, k)` of its size."""
    try:
        return fill_harmonic(values, part.inside, scan.spacing_mm)
    except ValueError as error:
        raise RestoreError(
            f"a region of {part.n_voxels} voxels has no measured voxel beside it",
            where=scan.id,
            hint="Mark less: a region needs measured voxels around it.",
        ) from error
    except ArithmeticError as error:
        raise RestoreError(
            f"filling a region of {part.n_voxels} voxels does not settle",
            where=scan.id,
            hint="Mark less, or fill the scan in several runs, a part of the region in each.",
        ) from error


def _scale(values: Values, made: Flags) -> Scale:
    """Measure the scale on what was measured."""
    return scale_of(values[~made & np.isfinite(values)])


def _untouched(measured: Scan) -> Scan:
    """Return the scan without the slices that hold made voxels: the rest has hashes."""
    return measured.without(np.flatnonzero(measured.synthetic).tolist())


def _region(scan: Scan, part: Part, scores: Sequence[HiddenRegion]) -> FilledRegion:
    corner = np.array([s.start for s in part.box])
    index = np.argwhere(part.inside) + corner
    low, high = index.min(axis=0).tolist(), index.max(axis=0).tolist()
    psnr_db = prediction_interval([decibels(score.harmonic) for score in scores], PERFECT_DB)
    return FilledRegion(
        first=(low[0], low[1], low[2]),
        last=(high[0], high[1], high[2]),
        n_voxels=part.n_voxels,
        volume_mm3=round(part.n_voxels * abs(float(np.linalg.det(scan.affine[:3, :3]))), 4),
        world_mm=world(scan, np.array(center_of_mass(part.inside)) + corner),
        grade=_grade(psnr_db),
        psnr_db=psnr_db,
    )


def _grade(psnr_db: Interval | None) -> Grade:
    if psnr_db is None:
        return "unknown"
    return "good" if psnr_db.value >= GOOD_DB else "fair" if psnr_db.value >= FAIR_DB else "poor"


def _candidates(tried: Sequence[Sequence[HiddenRegion]]) -> tuple[Candidate, ...]:
    scores = [score for one in tried for score in one]
    if not scores:
        return ()
    return tuple(
        Candidate(name, weight, decibels(float(np.mean(errors))), None, 0, "region")
        for name, weight, errors in (
            (HARMONIC, 1.0, [score.harmonic for score in scores]),
            (BASELINE, 0.0, [score.mean_of_rim for score in scores]),
        )
    )


def _notes(measured: Scan, marked: Flags, parts: Sequence[Part]) -> list[str]:
    others = tuple(axis for axis in range(3) if axis != measured.axis)
    touched = np.flatnonzero(marked.any(axis=others)).tolist()
    regions = "1 region" if len(parts) == 1 else f"{len(parts)} regions"
    notes = [
        f"{int(marked.sum())} marked voxels in {regions}, in slices {touched}, were "
        "filled by Laplace's equation (smooth, without texture); no learned filler for regions is "
        "shipped. All other voxels are as they were"
    ]
    if len(parts) > MAX_TRIED:
        notes.append(f"only the {MAX_TRIED} largest regions were tried out")
    return notes
