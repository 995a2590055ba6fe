"""The noise level of a scan, from the scan alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MAD = 0.6745
"""Median absolute deviation of the standard normal distribution."""


def noise_level(planes: NDArray[np.float32], inside: NDArray[np.bool_] | None = None) -> float:
    """Estimate the standard deviation of white noise, in the unit of the planes.

    Second differences along rows and columns cancel what is locally a plane and leave noise (the
    mask of Immerkaer 1996); their median absolute value is deaf to edges (Donoho 1995). The same
    with second differences through the slices is taken too where there are three, and the smaller
    of the two counts: the error of an estimate must not be on the side of smoothing.

    Parameters
    ----------
    planes
        (n, h, w), h and w at least 3.
    inside
        (n, h, w) bool: voxels that count; None: all. Constant surroundings never count.

    Returns
    -------
    float
        0 where nothing varies. Too low where noise is correlated between voxels, or where most of
        the scan is air in a magnitude image.
    """
    used = np.ones(planes.shape, bool) if inside is None else inside
    values = _second(_second(planes, 1), 2)
    kept = _all_three(_all_three(used, 1), 2)
    levels = [_spread(values[kept]) / 6]
    if len(planes) >= 3:
        levels.append(_spread(_second(values, 0)[_all_three(kept, 0)]) / 6**1.5)
    return min(levels)


def _second(values: NDArray[np.float32], axis: int) -> NDArray[np.float32]:
    return np.diff(values, n=2, axis=axis)


def _all_three(flags: NDArray[np.bool_], axis: int) -> NDArray[np.bool_]:
    moved = np.moveaxis(flags, axis, 0)
    return np.moveaxis(moved[:-2] & moved[1:-1] & moved[2:], 0, axis)


def _spread(values: NDArray[np.float32]) -> float:
    there = np.abs(values[values != 0])
    return float(np.median(there)) / MAD if there.size else 0.0
