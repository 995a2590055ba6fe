"""Physical values to the fillers' 0..1 and back, from measured voxels alone, plane by plane.

A scan is held as it is stored. Its planes are derived where a filler looks at them: a large scan
in floating point would take several times the memory of its file.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from medgan.errors import RestoreError
from medgan.interpolation import Stack
from medgan.scans import Scan

MAX_VOXELS = 2_000_000
"""Percentiles are taken of at most about so many voxels, evenly spread."""

N_KEPT = 16
"""Planes that are kept as derived: fillers come back to the neighbours of a gap."""

FARTHEST = 1e5
"""Ranges that a voxel may lie away from the others. Metal in CT stays below 100."""
SMALLEST = 1e-36
"""About the smallest normal number of single precision."""

Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Scale:
    """P0.5 and P99.5 of measured voxels, in the scan's unit."""

    low: float
    high: float

    @property
    def width(self) -> float:
        """The range, in the scan's unit."""
        return self.high - self.low

    def apply(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return planes (any shape) in the scan's unit as about 0..1."""
        return (planes - np.float32(self.low)) / np.float32(self.width)

    def undo(self, planes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return planes of 0..1 (any shape) in the scan's unit."""
        return planes * np.float32(self.width) + np.float32(self.low)


@dataclass(frozen=True, eq=False)
class PhysicalPlanes:
    """Planes (n, h, w) of a scan in physical values, float32, derived when asked for.

    Padding, and voxels that are no numbers, hold `floor`: the edge of the field of view must not be
    a cliff for the flow, nor NaN a hole that grows. Positions without a slice hold 0.

    Parameters
    ----------
    floor
        In the scan's unit.
    """

    scan: Scan
    floor: float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w)."""
        shape = self.scan.stored.shape
        axis = self.scan.axis
        return (shape[axis], *shape[:axis], *shape[axis + 1 :])

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: int | Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return (h, w) of one position, or (m, h, w) of several."""
        if isinstance(at, (int, np.integer)):
            return self._plane(int(at))
        return np.stack([self._plane(int(position)) for position in at])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self[range(len(self))].astype(dtype or np.float32, copy=False)

    def _plane(self, position: int) -> Plane:
        if not self.scan.present[position]:
            return np.zeros(self.shape[1:], np.float32)
        values, padding = physical(self.scan, position, self.scan.slice(position))
        values[padding] = self.floor
        return np.ascontiguousarray(values)


@dataclass(frozen=True, eq=False)
class ScaledPlanes:
    """Planes (n, h, w) on the fillers' scale, derived when asked for; see `interpolation.Stack`."""

    planes: PhysicalPlanes
    scale: Scale
    _kept: dict[int, Plane] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w)."""
        return self.planes.shape

    def __getitem__(self, at: int | Sequence[int] | NDArray[np.integer]) -> NDArray[np.float32]:
        """Return (h, w) of one position, or (m, h, w) of several."""
        if isinstance(at, (int, np.integer)):
            return self._plane(int(at))
        return np.stack([self._plane(int(position)) for position in at])

    def __len__(self) -> int:
        return self.shape[0]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        return self[range(len(self))].astype(dtype or np.float32, copy=False)

    def _plane(self, position: int) -> Plane:
        if position not in self._kept:
            if len(self._kept) >= N_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[position] = self.scale.apply(self.planes[position])
        return self._kept[position]


def physical(
    scan: Scan, position: int, stored: NDArray[np.generic]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return physical values of some stored ones of a slice, and which of them are padding."""
    slope, intercept = np.float32(scan.slope[position]), np.float32(scan.intercept[position])
    values = stored.astype(np.float32)
    values *= slope
    values += intercept
    padding = ~np.isfinite(values)
    if scan.padding is not None:
        padding |= stored == scan.padding
    return values, padding


def physical_planes(scan: Scan) -> PhysicalPlanes:
    """Return the planes of a scan in physical values, checked once.

    Raises
    ------
    RestoreError
        If single precision cannot hold the values, or some lie absurdly far from all others.
    """
    planes = PhysicalPlanes(scan)
    scale = measure(planes, scan.present)
    _check(scan, scale)
    return PhysicalPlanes(scan, scale.low)


def _check(scan: Scan, scale: Scale) -> None:
    """Look at every measured voxel: for what single precision cannot hold, and for spikes."""
    low, high, overflows, is_empty = np.inf, -np.inf, False, True
    for position in np.flatnonzero(scan.present).tolist():
        stored = scan.slice(position)
        values, padding = physical(scan, position, stored)
        inside = values
        if padding.any():
            overflows |= bool((~np.isfinite(values) & np.isfinite(stored)).any())
            inside = values[~padding]
        is_empty &= not stored.any()
        if inside.size:
            low, high = min(low, float(inside.min())), max(high, float(inside.max()))
    vanishes = max(abs(low), abs(high)) < SMALLEST and not is_empty and not scan.intercept.any()
    if overflows or vanishes:
        raise RestoreError(
            "its values are too large or too small for single precision",
            where=scan.id,
            hint="Multiply them by a constant, so that the largest lies between 1e-30 and 1e30.",
        )
    if max(scale.low - low, high - scale.high) > FARTHEST * scale.width:
        raise RestoreError(
            f"it holds values from {low:.3g} to {high:.3g}, where 99 % lie between "
            f"{scale.low:.3g} and {scale.high:.3g}: some voxels must be damaged",
            where=scan.id,
            hint="Look at the scan; set such voxels to the value of the background.",
        )


def measure(planes: PhysicalPlanes, used: NDArray[np.bool_]) -> Scale:
    """Measure the scale on the planes that are `used` (n,), padding left out.

    Slices that are hidden must not be used: their extremes would be leaked to the method. Where
    all is padding the scale is 0 to 1.
    """
    positions = np.flatnonzero(used).tolist()
    n_pixels = int(np.prod(planes.shape[1:]))
    # An odd step visits every column of a plane whose width is even.
    step = len(positions) * n_pixels // MAX_VOXELS | 1
    samples = []
    for number, position in enumerate(positions):
        first = -number * n_pixels % step  # goes on where the last plane ended
        stored = planes.scan.slice(position).ravel(order="K")[first::step]
        values, padding = physical(planes.scan, position, stored)
        samples.append(values[~padding])
    return scale_of(np.concatenate(samples) if samples else np.empty(0, np.float32))


def scale_of(values: NDArray[np.floating]) -> Scale:
    """Measure the scale of values (any shape), all finite; 0 to 1 where there are none."""
    if not values.size:
        return Scale(0.0, 1.0)
    flat = values.reshape(-1)[:: values.size // MAX_VOXELS | 1]
    low, high = np.percentile(flat, [0.5, 99.5])
    if high <= low:  # nothing but background: any scale will do
        low, high = float(flat.min()), float(flat.max())
    return Scale(float(low), float(high if high > low else low + 1))


def stack_of(scan: Scan, planes: PhysicalPlanes, scale: Scale, present: NDArray[np.bool_]) -> Stack:
    """Return the scan's planes (n, h, w) on the fillers' scale, at true positions."""
    spacing = scan.spacing_mm
    pixel = float(np.mean([side for axis, side in enumerate(spacing) if axis != scan.axis]))
    positions = np.arange(len(planes), dtype=np.float64) * spacing[scan.axis]
    return Stack(ScaledPlanes(planes, scale), present, positions, pixel)
