"""Voxels at the pixels of an image plane, held against the standard's equation C.7.6.2.1-1."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medgan.errors import SeriesError
from medgan.scans import Grid
from medgan.scans.plane_index import plane_index
from tests.scans.volumes import STRAIGHT, oblique_affine

SHAPE = (16, 14, 12)


def cut(grid: Grid, axis: int, position: int, *, turn: bool = False) -> Dataset:
    """Image plane along a voxel axis; `turn` starts at the far corner and swaps the axes."""
    right, down = (a for a in range(3) if a != axis)
    corner = np.zeros(3)
    corner[axis] = position
    steps = grid.affine_lps[:3, :3].T.copy()
    if turn:
        right, down = down, right
        corner[[right, down]] = SHAPE[right] - 1, SHAPE[down] - 1
        steps = -steps
    image = Dataset()
    image.Columns, image.Rows = SHAPE[right], SHAPE[down]
    lengths = np.linalg.norm(steps, axis=1)
    image.ImagePositionPatient = [
        f"{v:.6f}" for v in grid.affine_lps[:3, :3] @ corner + grid.affine_lps[:3, 3]
    ]
    image.ImageOrientationPatient = [
        f"{v:.9f}" for a in (right, down) for v in steps[a] / lengths[a]
    ]
    image.PixelSpacing = [f"{lengths[down]:.6f}", f"{lengths[right]:.6f}"]
    return image


def places_by_the_standard(image: Dataset) -> np.ndarray:
    """(rows, columns, 3) LPS mm of every pixel: P = S + X di i + Y dj j."""
    start, axes, spacing = (
        np.array([float(v) for v in image[k].value])
        for k in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
    )
    i, j = np.arange(image.Columns)[None, :, None], np.arange(image.Rows)[:, None, None]
    return start + axes[:3] * spacing[1] * i + axes[3:] * spacing[0] * j


@pytest.mark.parametrize("affine", [STRAIGHT, oblique_affine()], ids=["straight", "oblique"])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("turn", [False, True])
def test_every_pixel_lies_on_its_voxel(affine, axis, turn):
    grid = Grid(SHAPE, affine)
    image = cut(grid, axis, 3, turn=turn)
    plane = plane_index(grid, image)
    index = np.stack(np.broadcast_arrays(*plane.index), axis=-1)
    there = grid.position(index) * np.array([-1, -1, 1])
    assert index.shape == (image.Rows, image.Columns, 3)
    assert np.abs(there - places_by_the_standard(image)).max() < 1e-4
    assert plane.off_mm < 1e-4
    assert plane.position_along(axis) == 3
    with pytest.raises(SeriesError, match="not cut along voxel axis"):
        plane.position_along((axis + 1) % 3)


def test_how_far_pixels_stray_is_told_up_to_a_quarter_voxel():
    grid = Grid(SHAPE, STRAIGHT)
    image = cut(grid, 2, 3)
    place = [float(v) for v in image.ImagePositionPatient]
    image.ImagePositionPatient = [place[0], place[1], place[2] + 0.2]
    assert plane_index(grid, image).off_mm == pytest.approx(0.2, abs=1e-6)
    image.ImagePositionPatient = [place[0], place[1], place[2] + 0.4]
    with pytest.raises(SeriesError, match=r"0\.400 mm off"):
        plane_index(grid, image)


def test_a_plane_of_another_size_or_place_is_outside():
    grid = Grid(SHAPE, STRAIGHT)
    image = cut(grid, 2, 3)
    image.Columns += 1
    with pytest.raises(SeriesError, match="outside"):
        plane_index(grid, image)
    with pytest.raises(SeriesError, match="outside"):
        plane_index(grid, cut(grid, 2, 12))
