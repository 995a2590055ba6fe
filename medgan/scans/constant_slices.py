"""Find gaps in a volume without slice headers: slices of one constant value inside structure.

A gap is a run of slices, each of one constant value or NaN or both, along one axis, whose nearest
other slices on both sides hold structure. Runs at the ends are empty background, left alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.scans.scan import Gap, runs

TAPER = 0.85
"""An object tapers where its last slice covers less than this share of the one before: neighbours
inside an organ differ by a few percent."""

TAPER_OF_LARGEST = 0.5
"""And where both last slices cover less than this share of the largest one: ends are small."""


@dataclass(frozen=True, eq=False)
class ConstantRuns:
    """Constant slices along one axis.

    Parameters
    ----------
    missing
        (n,) bool: slices that make a gap.
    ends
        Positions at either end whose slices are constant.
    between
        Interior runs that lie between two separate objects: background, not a gap.
    """

    axis: int
    missing: NDArray[np.bool_]
    ends: tuple[int, ...]
    between: tuple[Gap, ...]


def constant_runs(volume: NDArray[np.generic], axis: int) -> ConstantRuns:
    """Sort the constant slices along one axis into gaps, empty ends, and background.

    Parameters
    ----------
    volume
        `(i, j, k)` stored values; NaN allowed.
    """
    constant = _constant(volume, axis)
    missing = np.zeros(constant.size, dtype=bool)
    ends: list[int] = []
    between: list[Gap] = []
    areas: NDArray[np.int64] | None = None
    for run in runs(constant):
        if run.first == 0 or run.first + run.length == constant.size:
            ends += run.positions
            continue
        if areas is None:
            areas = _areas(volume, axis)
        if _lies_between(areas, constant, run):
            between.append(run)
        else:
            missing[run.first : run.first + run.length] = True
    return ConstantRuns(axis, missing, tuple(ends), tuple(between))


def _constant(volume: NDArray[np.generic], axis: int) -> NDArray[np.bool_]:
    """(n,) bool: the numbers of the slice are all one value, NaN left out, or there are none."""
    others = tuple(a for a in range(3) if a != axis)
    low, high = (find.reduce(volume, axis=others) for find in (np.fmin, np.fmax))
    return np.asarray((low == high) | (low != low))


def _areas(volume: NDArray[np.generic], axis: int) -> NDArray[np.int64]:
    """(n,) number of voxels per slice that differ from the background."""
    background = _background(volume)
    others = tuple(a for a in range(3) if a != axis)
    if volume.dtype.kind == "f" and np.isnan(background):
        return np.asarray(np.count_nonzero(~np.isnan(volume), axis=others))
    return np.asarray(np.count_nonzero(volume != background, axis=others))


def _background(volume: NDArray[np.generic]) -> np.generic:
    """Commonest value on the six faces."""
    faces = [np.take(volume, at, axis=axis).ravel() for axis in range(3) for at in (0, -1)]
    values, counts = np.unique(np.concatenate(faces), return_counts=True)
    commonest: np.generic = values[counts.argmax()]
    return commonest


def _lies_between(areas: NDArray[np.int64], constant: NDArray[np.bool_], run: Gap) -> bool:
    """Tell the empty space between two objects (two legs) from slices missing inside one.

    Both objects taper towards empty space; a single object that lost slices tapers on one side at
    most.
    """
    before, after = run.first - 1, run.first + run.length
    outer_before, outer_after = before - 1, after + 1
    if outer_before < 0 or outer_after >= areas.size:
        return False
    if constant[outer_before] or constant[outer_after]:
        return False
    small = TAPER_OF_LARGEST * areas.max()
    return bool(
        areas[before] < TAPER * areas[outer_before]
        and areas[after] < TAPER * areas[outer_after]
        and max(areas[before], areas[after]) < small
    )
