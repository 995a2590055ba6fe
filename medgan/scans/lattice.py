"""Fit a regular grid to slice positions, and find its holes.

A grid counts as regular when the steps between neighbours are whole multiples of the smallest one
and at least half of its positions exist. Everything else is variable spacing: no single affine
holds, and nothing may be called missing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from medgan.errors import SeriesError

TOLERANCE_MM = 0.02
TOLERANCE_OF_STEP = 0.01
ROUNDING_OF_STEP = 0.05
ROUNDING_SLACK = 1.5
"""A least-squares line does not halve the largest rounding error exactly."""

AT_LEAST_HALF = "Look for slices that were not copied along."
ONE_STEP = "Put each run of equal steps into a folder of its own, or resample the scan to one step."


@dataclass(frozen=True, eq=False)
class Lattice:
    """A regular grid along the slice normal.

    Parameters
    ----------
    index
        (n,) grid position of each slice, from 0.
    step_mm
        Distance between grid positions along the normal.
    residual_mm
        Largest distance of a slice from its grid position.
    """

    index: NDArray[np.int64]
    step_mm: float
    residual_mm: float

    @property
    def n_positions(self) -> int:
        """Length of the grid, holes included."""
        return int(self.index[-1]) + 1


def tolerance_mm(step_mm: float, rounding_mm: float) -> float:
    """How far a slice may lie off its grid position.

    1 % of the step or 0.02 mm; more only where the coordinates were written with so few decimals
    that rounding alone moves them further, and never more than 5 % of the step.
    """
    plain = max(TOLERANCE_MM, TOLERANCE_OF_STEP * step_mm)
    return max(plain, min(ROUNDING_SLACK * rounding_mm, ROUNDING_OF_STEP * step_mm))


def fit_lattice(
    projections: NDArray[np.float64],
    numbers: Sequence[int | None] = (),
    rounding_mm: float = 0.0,
) -> Lattice:
    """Fit the coarsest regular grid that holds every slice.

    Parameters
    ----------
    projections
        (n,) mm along the slice normal, ascending, n >= 2.
    numbers
        Instance numbers in the same order. Never used to order; they only tell a stack that
        changes its spacing from one that lost every other slice.
    rounding_mm
        Rounding error of the coordinates as written.

    Raises
    ------
    SeriesError
        If the spacing varies, or more than half of the grid would be missing.
    """
    steps = np.diff(projections)
    smallest = float(steps.min())
    tolerance = tolerance_mm(smallest, rounding_mm)
    unit = float(steps[steps <= smallest + 2 * tolerance].mean())
    lattice = _fit(projections, unit, rounding_mm)
    if lattice is None:
        # No two neighbours may be left; then only the numbers can vouch for a finer grid.
        halved = _fit(projections, unit / 2, rounding_mm)
        lattice = halved if halved and _counts_along(halved.index, numbers) else None
    if lattice is None:
        raise SeriesError(
            f"variable slice spacing: steps from {smallest:.3f} to {float(steps.max()):.3f} mm "
            "that are not multiples of one step",
            hint=ONE_STEP,
        )
    if 2 * len(lattice.index) < lattice.n_positions:
        raise SeriesError(
            f"only {len(lattice.index)} of {lattice.n_positions} slice positions exist; "
            "at least half are needed to tell gaps from variable spacing",
            hint=AT_LEAST_HALF,
        )
    multiples = np.diff(lattice.index)
    if changes_spacing(multiples) and not _counts_along(lattice.index, numbers):
        runs = (f"{n} x {m * lattice.step_mm:.3f} mm" for m, n in _blocks(multiples))
        raise SeriesError(
            f"variable slice spacing: runs of equal steps ({', '.join(runs)})", hint=ONE_STEP
        )
    return lattice


def _fit(projections: NDArray[np.float64], unit: float, rounding_mm: float) -> Lattice | None:
    """Place each slice on the multiples of a unit; None where one lies too far off."""
    multiples = np.rint(np.diff(projections) / unit).astype(np.int64)
    index = np.concatenate([[0], np.cumsum(multiples)])
    distance = projections - projections[0]
    step_mm, offset = (float(value) for value in np.polyfit(index, distance, 1))
    residual = float(np.abs(distance - step_mm * index - offset).max())
    fits = residual <= tolerance_mm(step_mm, rounding_mm)
    return Lattice(index, step_mm, residual) if fits else None


def changes_spacing(multiples: NDArray[np.int64]) -> bool:
    """Tell a stack made of a few long runs of equal steps (3 3 3 6 6 6) from one with holes.

    Holes scatter: their steps return to the smallest one. Two or three runs in all, of which a
    longer step lasts three times or more, are a protocol.
    """
    blocks = _blocks(multiples)
    longest = max((length for step, length in blocks if step > 1), default=0)
    return len(blocks) <= 3 and longest >= 3


def _blocks(multiples: NDArray[np.int64]) -> list[tuple[int, int]]:
    return [(int(step), len(list(run))) for step, run in groupby(multiples.tolist())]


def _counts_along(index: NDArray[np.int64], numbers: Sequence[int | None]) -> bool:
    """Whether the instance numbers count the grid positions, holes included."""
    known = [number for number in numbers if number is not None]
    if len(known) != len(index):
        return False
    offsets = {number - int(at) for number, at in zip(known, index, strict=True)}
    mirrored = {number + int(at) for number, at in zip(known, index, strict=True)}
    return len(offsets) == 1 or len(mirrored) == 1
