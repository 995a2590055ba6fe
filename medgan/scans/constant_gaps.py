"""Hold a gap open in a volume file: constant slices of a value that was not measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medgan.scans.scan import Scan

PADDING = "the padding value of the source"
BELOW = "one step below every measured value"
LOWEST = "the lowest value of its type, which measured voxels may have too"
AS_FOUND = "as in the source file"

_FLOAT_STEP = 0.01
"""Step below the smallest measured value of float scans, as a share of their range."""


@dataclass(frozen=True, eq=False)
class ConstantGaps:
    """A scan whose gaps hold constant slices.

    Parameters
    ----------
    scan
        The same scan; `present` still says that the slices are not there.
    why
        What the value is; empty for a scan without gaps.
    """

    scan: Scan
    why: str = ""


def with_constant_gaps(scan: Scan) -> ConstantGaps:
    """Write one constant value into the slices of a scan that do not exist.

    The value is the source's padding value where it has one: that is its own word for no
    measurement. Else it is one step below every measured value, so that no threshold and no
    histogram takes it for a measured one; a float scan's step is 1 % of its range. Where the type
    ends above that (unsigned values from 0 on), it is the lowest value of the type. Slices of a
    file that holds its gaps open already (NIfTI and its like) stay as they are.
    """
    if not scan.missing:
        return ConstantGaps(scan)
    if scan.format != "dicom":
        return ConstantGaps(scan, AS_FOUND)
    stored = scan.stored.copy()
    slabs = np.moveaxis(stored, scan.axis, 0)
    values = unmeasured_values(scan)
    for position in scan.missing:
        slabs[position] = values[position]
    return ConstantGaps(replace(scan, stored=stored), _why(scan, values))


def unmeasured_values(scan: Scan) -> NDArray[np.generic]:
    """Return a stored value for each position (n,) that stands for "not measured" there.

    Positions may differ in their rescale, so the values may differ where the physical one is the
    same; see `with_constant_gaps` for which it is.
    """
    dtype = scan.stored.dtype
    if scan.padding is not None:
        return np.full(scan.n_positions, scan.padding, dtype)
    lowest = _lowest_physical(scan)
    exact = (lowest - scan.intercept) / scan.slope
    if dtype.kind == "f":
        return np.asarray(exact - np.sign(scan.slope) * _float_step(scan), dtype)
    limits = np.iinfo(dtype.str)
    # To the next whole number below in physical units; rounding must not leave it at the lowest.
    below = np.where(scan.slope > 0, np.ceil(exact - 1e-6) - 1, np.floor(exact + 1e-6) + 1)
    return np.clip(below, limits.min, limits.max).astype(dtype)


def _lowest_physical(scan: Scan) -> float:
    slabs = np.moveaxis(scan.stored, scan.axis, 0)
    lowest = math.inf
    for position in np.flatnonzero(scan.present):
        finite = slabs[position][np.isfinite(slabs[position])]
        for end in (finite.min(), finite.max()) if finite.size else ():
            lowest = min(lowest, float(end) * scan.slope[position] + scan.intercept[position])
    return lowest if math.isfinite(lowest) else 0.0


def _float_step(scan: Scan) -> float:
    slabs = np.moveaxis(scan.stored, scan.axis, 0)[scan.present]
    finite = slabs[np.isfinite(slabs)].astype(np.float64)
    spread = float(np.ptp(finite)) if finite.size else 0.0
    largest = float(np.abs(finite).max(initial=0.0))
    return _FLOAT_STEP * spread or max(1.0, _FLOAT_STEP * largest)


def _why(scan: Scan, values: NDArray[np.generic]) -> str:
    if scan.padding is not None:
        return PADDING
    gaps = list(scan.missing)
    physical = values[gaps].astype(np.float64) * scan.slope[gaps] + scan.intercept[gaps]
    return BELOW if (physical < _lowest_physical(scan)).all() else LOWEST
