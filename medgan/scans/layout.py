"""How the voxels of a scan lie in DICOM image planes: rows, columns, and slices in space.

A DICOM scan keeps its layout: `(i, j, k)` are column, row, slice already. Any other scan is cut
along its slice axis, so that a filled slice is one whole image, and each image is turned the way
it is looked at: columns run to the patient's left (to the back in sagittal images), rows to the
back (to the feet in sagittal and coronal ones).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.errors import SeriesError
from medgan.scans.grid import Grid

MAX_SKEW = 1e-4
"""Cosine between rows and columns up to which they count as orthogonal (PS3.3 C.7.6.2.1.1)."""

_VIEWED = {0: ((0, 1, 0), (0, 0, -1)), 1: ((1, 0, 0), (0, 0, -1)), 2: ((1, 0, 0), (0, 1, 0))}
"""LPS axis nearest to the slice normal -> where columns and rows should run, in LPS."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Which voxel axis becomes column, row and slice, and which of them are turned round.

    Parameters
    ----------
    axes
        Voxel axes that become column, row and slice.
    flips
        Whether each of the three runs against the voxel axis.
    affine_lps
        (4, 4) of `(column, row, slice)` to LPS+ millimetres.
    shape
        Number of columns, rows and slices.
    """

    axes: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    affine_lps: NDArray[np.float64]
    shape: tuple[int, int, int]

    @property
    def n_slices(self) -> int:
        return self.shape[2]

    @property
    def orientation(self) -> NDArray[np.float64]:
        """(2, 3) unit vectors of increasing column and of increasing row, LPS."""
        steps = self.affine_lps[:3, :2]
        return np.asarray((steps / np.linalg.norm(steps, axis=0)).T)

    @property
    def pixel_spacing(self) -> tuple[float, float]:
        """Distance between rows, then between columns, in mm: the order of Pixel Spacing."""
        columns, rows = np.linalg.norm(self.affine_lps[:3, :2], axis=0)
        return float(rows), float(columns)

    @property
    def slice_step_mm(self) -> float:
        """Distance between slices along the normal of the image plane."""
        return abs(float(self.affine_lps[:3, 2] @ np.cross(*self.orientation)))

    def position_of(self, number: int) -> int:
        """Position along the scan's slice axis of the slice with this number, both from 0."""
        return self.n_slices - 1 - number if self.flips[2] else number

    def corner(self, number: int) -> NDArray[np.float64]:
        """(3,) LPS millimetres of the first pixel of a slice: Image Position (Patient)."""
        return np.asarray(self.affine_lps[:3, 3] + number * self.affine_lps[:3, 2])

    def planes(self, voxels: NDArray[np.generic]) -> NDArray[np.generic]:
        """View `(i, j, k)` voxels as `(slice, row, column)`."""
        flipped = tuple(a for a in range(3) if self.flips[a])
        turned: NDArray[np.generic] = np.flip(voxels.transpose(self.axes), flipped)
        return turned.transpose(2, 1, 0)


def as_stored(grid: Grid) -> Layout:
    """Layout of a DICOM scan: `(i, j, k)` are column, row, slice."""
    return Layout((0, 1, 2), (False, False, False), grid.affine_lps, grid.shape)


def as_viewed(grid: Grid, axis: int) -> Layout:
    """Layout of any other scan, cut along its slice axis.

    Raises
    ------
    SeriesError
        If the other two axes are not at right angles: DICOM has no such images.
    """
    columns, rows = _image_axes(grid, axis)
    axes = (columns, rows, axis)
    turned = grid.affine_lps[:, [*axes, 3]]
    unit = turned[:3, :3] / np.linalg.norm(turned[:3, :3], axis=0)
    if abs(float(unit[:, 0] @ unit[:, 1])) > MAX_SKEW:
        raise SeriesError(
            "rows and columns are not at right angles, and DICOM cannot hold that",
            hint="Write NIfTI, or resample the scan to a straight grid first.",
        )
    wanted = np.array(_VIEWED[_nearest(np.cross(unit[:, 0], unit[:, 1]))], dtype=float)
    flip_columns, flip_rows = (float(unit[:, n] @ wanted[n]) < 0 for n in range(2))
    normal = np.cross(unit[:, 0], unit[:, 1]) * (-1 if flip_columns != flip_rows else 1)
    flips = (flip_columns, flip_rows, bool(unit[:, 2] @ normal < 0))
    n_columns, n_rows, n_slices = (grid.shape[a] for a in axes)
    shape = (n_columns, n_rows, n_slices)
    return Layout(axes, flips, _flipped(turned, flips, shape), shape)


def _image_axes(grid: Grid, axis: int) -> tuple[int, int]:
    """Voxel axes that become column and row, by the directions an image is looked at in."""
    first, second = (a for a in range(3) if a != axis)
    steps = grid.affine_lps[:3, :3]
    unit = steps / np.linalg.norm(steps, axis=0)
    columns, _ = _VIEWED[_nearest(np.cross(unit[:, first], unit[:, second]))]
    along = abs(unit.T @ np.array(columns, dtype=float))
    return (first, second) if along[first] >= along[second] else (second, first)


def _nearest(direction: NDArray[np.float64]) -> int:
    return int(np.abs(direction).argmax())


def _flipped(
    affine: NDArray[np.float64], flips: tuple[bool, ...], shape: tuple[int, ...]
) -> NDArray[np.float64]:
    result = affine.copy()
    for a, flip in enumerate(flips):
        if flip:
            result[:3, 3] += (shape[a] - 1) * affine[:3, a]
            result[:3, a] = -affine[:3, a]
    return result
