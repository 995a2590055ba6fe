"""Bring a tilted stack onto a straight grid, slice by slice.

The slices of a tilted stack lie at even distances along the normal of their own planes; they only
drift sideways. A straight grid with the same planes therefore needs each slice to be moved within
its own plane, and no value is ever made of two slices: a gap stays a gap.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medgan.errors import SeriesError
from medgan.scans.constant_gaps import unmeasured_values
from medgan.scans.grid import MAX_SKEW, Grid
from medgan.scans.scan import Scan

NOTE = (
    "resampled to a straight grid: every slice was moved within its own plane by linear "
    "interpolation, so all values are derived, none is as it was measured"
)
_WHOLE = 1e-9


def is_tilted(scan: Scan) -> bool:
    """Whether slices drift sideways by more than the rounding of their positions."""
    return scan.grid.is_tilted(scan.axis)


def straighten(scan: Scan) -> Scan:
    """Resample a tilted stack; a straight one comes back as it is.

    Each slice is shifted within its plane by bilinear interpolation of its stored values, rounded
    to the stored type: exact for linear functions to half a quantisation step, and never outside
    the range of the values it came from (no ringing at edges, unlike splines). The grid is widened
    to whole pixels so that nothing is cut off. Voxels outside a slice, and those next to padding,
    hold padding or else a value below all measured ones (`unmeasured_values`).

    Raises
    ------
    SeriesError
        If rows and columns are not at right angles, which moving within planes cannot mend.
    """
    if not is_tilted(scan):
        return scan
    if scan.grid.skew(scan.axis) > MAX_SKEW:
        raise SeriesError(
            "rows and columns are not at right angles: the stack is not merely tilted",
            where=scan.id,
            hint="Use --sheared to keep the grid as it is.",
        )
    i, j, k = _steps(scan)
    drift = scan.grid.drift(scan.axis)
    per_slice = np.array([drift @ i / (i @ i), drift @ j / (j @ j)])
    frame = _Frame.around(per_slice, scan.n_positions)
    stored = np.moveaxis(scan.stored, _order(scan), (0, 1, 2))
    outside = unmeasured_values(scan)
    planes = [
        frame.moved(stored[:, :, n], n, outside[n], scan.padding) for n in range(scan.n_positions)
    ]
    straight = np.moveaxis(np.stack(planes, axis=2), (0, 1, 2), _order(scan))
    return replace(
        scan,
        stored=straight,
        grid=_grid(scan, straight.shape, frame, k - drift),
        region=_moved_region(scan, frame),
        notes=(*scan.notes, NOTE),
    )


@dataclass(frozen=True, eq=False)
class _Frame:
    """Where slices lie on the straight grid.

    Parameters
    ----------
    per_slice
        (2,) pixels by which each slice lies further along the plane's axes than the one before.
    first
        (2,) first pixel of the straight grid, counted from the first pixel of slice 0.
    extra
        (2,) pixels that it is wider than a slice.
    """

    per_slice: NDArray[np.float64]
    first: NDArray[np.int64]
    extra: NDArray[np.int64]

    @classmethod
    def around(cls, per_slice: NDArray[np.float64], n: int) -> _Frame:
        """Make the smallest frame of whole pixels that holds every slice."""
        ends = np.stack([np.zeros(2), per_slice * (n - 1)])
        low = np.floor(ends.min(axis=0) + _WHOLE).astype(np.int64)
        high = np.ceil(ends.max(axis=0) - _WHOLE).astype(np.int64)
        return cls(per_slice, low, high - low)

    def moved(
        self, plane: NDArray[np.generic], n: int, outside: np.generic, padding: int | None
    ) -> NDArray[np.generic]:
        """Return slice `n` `(a, b)` on the straight grid, in its own type."""
        shift = self.per_slice * n - self.first
        known = plane != padding if padding is not None else np.ones(plane.shape, dtype=bool)
        if plane.dtype.kind == "f":
            known &= np.isfinite(plane)
        shape = tuple(int(s + e) for s, e in zip(plane.shape, self.extra, strict=True))
        total, weight = np.zeros(shape), np.zeros(shape)
        for corner in np.ndindex(2, 2):
            start, share = _place(shift, corner)
            if share <= _WHOLE:
                continue
            window = tuple(slice(s, s + n) for s, n in zip(start, plane.shape, strict=True))
            total[window] += share * np.where(known, plane, 0)
            weight[window] += share * known
        whole = np.rint(total) if plane.dtype.kind != "f" else total
        return np.where(weight > 1 - 1e-6, whole, outside).astype(plane.dtype)


def _place(shift: NDArray[np.float64], corner: tuple[int, ...]) -> tuple[list[int], float]:
    """Where a copy of the plane goes for one of the four neighbours, and with which weight."""
    base = np.floor(shift + _WHOLE)
    part = np.clip(shift - base, 0, 1)
    weights = [p if c else 1 - p for p, c in zip(part, corner, strict=True)]
    return [int(b) + c for b, c in zip(base, corner, strict=True)], float(np.prod(weights))


def _order(scan: Scan) -> tuple[int, int, int]:
    first, second = (axis for axis in range(3) if axis != scan.axis)
    return first, second, scan.axis


def _steps(scan: Scan) -> NDArray[np.float64]:
    """Return the steps (3, 3) along a slice's two axes and along the stack, one a row, in mm."""
    return np.asarray(scan.affine[:3, list(_order(scan))].T)


def _grid(scan: Scan, shape: tuple[int, ...], frame: _Frame, along: NDArray[np.float64]) -> Grid:
    first, second, axis = _order(scan)
    affine = scan.affine.copy()
    affine[:3, 3] += frame.first[0] * affine[:3, first] + frame.first[1] * affine[:3, second]
    affine[:3, axis] = along
    i, j, k = shape
    return Grid((i, j, k), affine)


def _moved_region(scan: Scan, frame: _Frame) -> NDArray[np.bool_] | None:
    """Return the voxels that hold anything of a made voxel."""
    if scan.region is None:
        return None
    region = np.moveaxis(scan.region, _order(scan), (0, 1, 2)).astype(np.float64)
    planes = [
        frame.moved(region[:, :, n], n, np.float64(0), None).astype(np.float64) > 0
        for n in range(scan.n_positions)
    ]
    return np.moveaxis(np.stack(planes, axis=2), (0, 1, 2), _order(scan))
