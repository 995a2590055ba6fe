"""Read a mask of voxels to fill, and turn it onto the grid of its scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError, SeriesError
from medgan.scans.grid import Grid, corner_distance
from medgan.scans.volume_files import read_raster, volume_suffix

OFF_VOXEL = 0.05
"""How far the corners of a mask may lie from those of its scan, in voxels: rounded headers."""


def read_region(path: Path, grid: Grid) -> NDArray[np.bool_]:
    """Read which voxels of a grid a mask file marks: those that are not 0.

    The mask may be stored along other axes or turned round, as other programs write them; it is
    never resampled.

    Parameters
    ----------
    path
        NIfTI, NRRD or MetaImage.

    Returns
    -------
    `(i, j, k)` bool.

    Raises
    ------
    ReadError
        If the file is not there or cannot be read.
    SeriesError
        If it does not lie on the grid, or marks nothing, or everything.
    """
    if not path.is_file() or not volume_suffix(path):
        raise ReadError(
            "there is no mask of that name",
            where=path.name,
            hint="Give a NIfTI, NRRD or MetaImage file.",
        )
    raster = read_raster(path)
    stored = raster.stored[..., 0] if raster.stored.shape[3:] == (1,) else raster.stored
    marked = None if stored.ndim != 3 else _turned(stored != 0, raster.affine, grid)
    if marked is None:
        raise SeriesError(
            f"the mask ({' x '.join(map(str, stored.shape))} voxels) does not lie on the grid of "
            f"the scan ({' x '.join(map(str, grid.shape))})",
            where=path.name,
            hint="Draw the mask on this very scan, or resample it to the scan's grid first.",
        )
    if not marked.any() or marked.all():
        what = "every voxel" if marked.any() else "no voxel"
        raise SeriesError(
            f"the mask marks {what}",
            where=path.name,
            hint="Voxels to fill are those that are not 0; some must be left to fill them from.",
        )
    return marked


def _turned(
    marked: NDArray[np.bool_], affine: NDArray[np.float64], grid: Grid
) -> NDArray[np.bool_] | None:
    """Permute and flip a mask onto the grid; None where it does not lie on it."""
    steps = np.linalg.solve(grid.affine[:3, :3], affine[:3, :3])
    order = np.abs(steps).argmax(axis=0)  # axis of the grid that each axis of the mask runs along
    if sorted(order.tolist()) != [0, 1, 2]:
        return None
    axes = tuple(int(a) for a in np.argsort(order))
    turned, columns = marked.transpose(axes), affine[:, [*axes, 3]].copy()
    for axis in range(3):
        if steps[axis, axes[axis]] < 0:
            turned = np.flip(turned, axis)
            columns[:, 3] += (turned.shape[axis] - 1) * columns[:, axis]
            columns[:, axis] *= -1
    if turned.shape != grid.shape:
        return None
    off = corner_distance(columns, grid.affine, grid.shape)
    return turned if off <= OFF_VOXEL * min(grid.spacing_mm) else None
