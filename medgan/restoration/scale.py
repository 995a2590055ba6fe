"""Physical values to the fillers' 0..1 and back, from measured voxels alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.errors import RestoreError
from medgan.interpolation import Stack
from medgan.scans import Scan

MAX_VOXELS = 2_000_000
"""Percentiles are taken of at most about so many voxels, evenly spread."""


FARTHEST = 1e5
"""Ranges that a voxel may lie away from the others. Metal in CT stays below 100."""
SMALLEST = 1e-36
"""About the smallest normal number of single precision."""


@dataclass(frozen=True)
class Scale:
    """P0.5 and P99.5 of measured voxels, in the scan's unit."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """The range, in the scan's unit."""
        return self.high - self.low

    def undo(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return planes of 0..1 (any shape) in the scan's unit."""
        return planes * np.float32(self.width) + np.float32(self.low)


def physical_planes(scan: Scan) -> tuple[NDArray[np.float32], NDArray[np.bool_] | None]:
    """Return planes (n, h, w) in physical values, gaps as 0, and where padding lies (or None).

    Padding, and voxels that are no numbers, hold the low end of the scale: the edge of the field
    of view must not be a cliff for the flow, nor NaN a hole that grows.

    Raises
    ------
    RestoreError
        If single precision cannot hold the values, or some lie absurdly far from all others.
    """
    planes = np.moveaxis(scan.stored, scan.axis, 0)
    slope, intercept = (
        x.reshape(-1, 1, 1).astype(np.float32) for x in (scan.slope, scan.intercept)
    )
    values = np.ascontiguousarray(planes.astype(np.float32) * slope + intercept)
    _check_precision(scan, values)
    padding = ~np.isfinite(values)
    if scan.padding is not None:
        padding |= planes == scan.padding
    _check_spikes(scan, values, padding)
    values[~scan.present] = 0
    if not padding.any():
        return values, None
    values[padding] = measure(values, padding, scan.present).low
    return values, padding


def _check_precision(scan: Scan, values: NDArray[np.float32]) -> None:
    """Refuse physical values that overflow to infinity, or all vanish, in single precision."""
    planes = np.moveaxis(scan.stored, scan.axis, 0)
    overflows = (~np.isfinite(values) & np.isfinite(planes)).any()
    vanish = np.abs(values).max() < SMALLEST and planes.any() and not scan.intercept.any()
    if overflows or vanish:
        raise RestoreError(
            "its values are too large or too small for single precision",
            where=scan.id,
            hint="Multiply them by a constant, so that the largest lies between 1e-30 and 1e30.",
        )


def _check_spikes(scan: Scan, values: NDArray[np.float32], padding: NDArray[np.bool_]) -> None:
    """Refuse a voxel so far out that no error on this scan would mean anything."""
    scale = measure(values, padding, scan.present)
    measured = values[scan.present][~padding[scan.present]]
    if not measured.size:
        return
    low, high = float(measured.min()), float(measured.max())
    if max(scale.low - low, high - scale.high) > FARTHEST * scale.width:
        raise RestoreError(
            f"it holds values from {low:.3g} to {high:.3g}, where 99 % lie between "
            f"{scale.low:.3g} and {scale.high:.3g}: some voxels must be damaged",
            where=scan.id,
            hint="Look at the scan; set such voxels to the value of the background.",
        )


def measure(
    planes: NDArray[np.float32], padding: NDArray[np.bool_] | None, used: NDArray[np.bool_]
) -> Scale:
    """Measure the scale on the planes that are `used` (n,), padding left out.

    Slices that are hidden must not be used: their extremes would be leaked to the method. Where
    all is padding the scale is 0 to 1.
    """
    chosen = planes[used]
    if padding is not None:
        chosen = chosen[~padding[used]]
    flat = chosen.reshape(-1)
    if not flat.size:
        return Scale(0.0, 1.0)
    # An odd step visits every column of a plane whose width is even.
    low, high = np.percentile(flat[:: flat.size // MAX_VOXELS | 1], [0.5, 99.5])
    if high <= low:  # nothing but background: any scale will do
        low, high = float(flat.min()), float(flat.max())
    return Scale(float(low), float(high if high > low else low + 1))


def stack_of(
    scan: Scan, planes: NDArray[np.float32], scale: Scale, present: NDArray[np.bool_]
) -> Stack:
    """Return the scan's planes (n, h, w) on the fillers' scale, at true positions."""
    spacing = scan.spacing_mm
    pixel = float(np.mean([side for axis, side in enumerate(spacing) if axis != scan.axis]))
    positions = np.arange(len(planes), dtype=np.float64) * spacing[scan.axis]
    scaled = (planes - np.float32(scale.low)) / np.float32(scale.width)
    return Stack(scaled, present, positions, pixel)
