"""Which voxels of a grid lie at the pixels of a DICOM image plane, by geometry alone.

Nothing is assumed about how a writer turned or ordered slices, so this can check one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import SeriesError
from medgan.scans.grid import Grid

MAX_OFF_VOXEL = 0.25
"""Share of the smallest voxel side; beyond it the nearest voxel may be the wrong one."""

OF_ONE_SERIES = "Give the grid, and the very DICOM series that it is of."


@dataclass(frozen=True, eq=False)
class PlaneIndex:
    """Voxel indices of the pixels of one plane.

    Parameters
    ----------
    index
        Three integer arrays that broadcast to `(rows, columns)`: an index into the volume.
    off_mm
        Largest distance of a corner pixel from the centre of its voxel.
    """

    index: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]
    off_mm: float

    def position_along(self, axis: int) -> int:
        """Return the one index that all pixels have along an axis.

        Raises
        ------
        SeriesError
            If the plane is not cut along that axis.
        """
        along = self.index[axis]
        if along.min() != along.max():
            raise SeriesError(
                f"the image plane is not cut along voxel axis {axis}", hint=OF_ONE_SERIES
            )
        return int(along.flat[0])


def plane_index(grid: Grid, image: Dataset) -> PlaneIndex:
    """Find the voxels of a grid at the pixels of a single-frame image.

    Raises
    ------
    SeriesError
        If pixels do not lie on voxels, or lie outside the grid.
    """
    corner = np.array([float(v) for v in image.ImagePositionPatient])
    cosines = np.array([float(v) for v in image.ImageOrientationPatient]).reshape(2, 3)
    cosines /= np.linalg.norm(cosines, axis=1)[:, None]
    row_mm, column_mm = (float(v) for v in image.PixelSpacing)
    steps = np.stack([cosines[0] * column_mm, cosines[1] * row_mm])
    to_index = np.linalg.inv(grid.affine_lps)
    start = to_index[:3, :3] @ corner + to_index[:3, 3]
    whole_start = np.rint(start).astype(np.intp)
    whole_steps = np.rint(steps @ to_index[:3, :3].T).astype(np.intp)
    columns, rows = np.arange(image.Columns)[None, :], np.arange(image.Rows)[:, None]
    i, j, k = (
        whole_start[a] + columns * whole_steps[0, a] + rows * whole_steps[1, a] for a in range(3)
    )
    for along, n in zip((i, j, k), grid.shape, strict=True):
        if along.min() < 0 or along.max() >= n:
            raise SeriesError("the image plane lies outside the grid", hint=OF_ONE_SERIES)
    ends = [(0, 0), (image.Columns - 1, 0), (0, image.Rows - 1)]
    off = 0.0
    for column, row in ends:
        voxel = whole_start + column * whole_steps[0] + row * whole_steps[1]
        there = grid.affine_lps[:3, :3] @ voxel + grid.affine_lps[:3, 3]
        off = max(off, float(np.linalg.norm(corner + column * steps[0] + row * steps[1] - there)))
    if off > MAX_OFF_VOXEL * min(grid.spacing_mm):
        raise SeriesError(
            f"pixels of the image plane lie up to {off:.3f} mm off the voxels", hint=OF_ONE_SERIES
        )
    return PlaneIndex((i, j, k), off)
