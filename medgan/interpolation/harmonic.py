"""Fill voxels so that the field is harmonic there: the smoothest one that meets its rim.

Laplace's equation with the known voxels around as boundary values, in physical spacing: what heat
would settle to. No overshoot: every filled value lies between the smallest and largest of the rim
(maximum principle). There is no texture in it either.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.ndimage import binary_dilation, find_objects, label
from scipy.sparse.linalg import cg

TOLERANCE = 1e-6
"""Relative residual of conjugate gradients."""

MAX_STEPS = 20_000
"""Far more than a region of 10^7 voxels takes."""

Field = NDArray[np.float64]
Flags = NDArray[np.bool_]
Box = tuple[slice, ...]


def fill_harmonic(
    values: NDArray[np.floating], unknown: Flags, spacing_mm: tuple[float, float, float]
) -> Field:
    """Return values with the unknown voxels filled.

    Parameters
    ----------
    values
        `(i, j, k)`. Voxels that are no numbers count as walls: nothing flows through them, as
        through the border of the volume.
    unknown
        `(i, j, k)` bool: voxels to fill; what they hold is not looked at.
    spacing_mm
        Voxel steps; the axes are taken to be at right angles.

    Raises
    ------
    ValueError
        If a connected part of the region has no known voxel beside it.
    ArithmeticError
        If a part has not settled after `MAX_STEPS`.
    """
    filled = values.astype(np.float64)
    for box, part in parts_in(unknown):
        known = ~unknown[box] & np.isfinite(filled[box])
        filled[box][part] = _solve(filled[box], part, known, spacing_mm)
    return filled


def parts_in(marked: Flags) -> Iterator[tuple[Box, Flags]]:
    """Yield the parts that hang together by faces: a box one voxel wider, and its voxels there."""
    numbers, _ = label(marked)
    for number, box in enumerate(find_objects(numbers), start=1):
        wide = tuple(slice(max(s.start - 1, 0), s.stop + 1) for s in box)
        yield wide, numbers[wide] == number


def rim(unknown: Flags) -> Flags:
    """Return the voxels that share a face with the region and are not in it."""
    return np.asarray(binary_dilation(unknown) & ~unknown)


def _solve(values: Field, part: Flags, known: Flags, spacing_mm: tuple[float, ...]) -> Field:
    """Solve sum over neighbours of (u - v) / h^2 = 0 for every voxel of one part."""
    n = int(part.sum())
    number = np.full(part.shape, -1)
    number[part] = np.arange(n)
    diagonal, right = np.zeros(n), np.zeros(n)
    rows, columns, entries = [], [], []
    for axis, step in enumerate(spacing_mm):
        pull = 1 / step**2
        lower = tuple(slice(None, -1) if a == axis else slice(None) for a in range(3))
        upper = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        for here, there in ((lower, upper), (upper, lower)):
            inner = part[here] & part[there]
            outer = part[here] & known[there]
            diagonal += pull * np.bincount(number[here][inner | outer], minlength=n)
            right += np.bincount(
                number[here][outer], weights=pull * values[there][outer], minlength=n
            )
            rows.append(number[here][inner])
            columns.append(number[there][inner])
            entries.append(np.full(int(inner.sum()), -pull))
    if not known[rim(part)].any():
        raise ValueError("a part of the region has no known voxel beside it")
    where = (np.concatenate(rows), np.concatenate(columns))
    matrix = sparse.csr_array((np.concatenate(entries), where), shape=(n, n))
    matrix = matrix + sparse.diags_array(diagonal)
    scaling = sparse.diags_array(1 / diagonal)
    start = np.full(n, float(values[rim(part) & known].mean()))
    solution, left = cg(matrix, right, x0=start, rtol=TOLERANCE, maxiter=MAX_STEPS, M=scaling)
    if left:
        raise ArithmeticError(f"a part of {n} voxels has not settled after {MAX_STEPS} steps")
    return np.asarray(solution)
