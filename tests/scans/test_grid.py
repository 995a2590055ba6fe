"""Grids: where voxels are, in both conventions."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from medgan.scans import Grid
from medgan.scans.grid import corner_distance
from tests.scans.volumes import SHEARED, STRAIGHT, oblique_affine

SHAPE = (16, 14, 12)


@pytest.mark.parametrize("affine", [STRAIGHT, SHEARED, oblique_affine()])
def test_lps_and_back(affine: np.ndarray) -> None:
    grid = Grid(SHAPE, affine)
    np.testing.assert_array_equal(Grid.from_lps(SHAPE, grid.affine_lps).affine, affine)
    np.testing.assert_array_equal(grid.affine_lps[:2], -affine[:2])
    np.testing.assert_array_equal(grid.affine_lps[2], affine[2])


@pytest.mark.parametrize("affine", [STRAIGHT, SHEARED, oblique_affine()])
def test_positions_and_spacing_as_nibabel_has_them(affine: np.ndarray) -> None:
    grid = Grid(SHAPE, affine)
    index = np.array([[0, 0, 0], [3, 5, 7], [15, 13, 11]])
    np.testing.assert_allclose(grid.position(index), nib.affines.apply_affine(affine, index))
    np.testing.assert_allclose(grid.spacing_mm, nib.affines.voxel_sizes(affine))
    assert grid.orientation == "".join(nib.aff2axcodes(affine))


def test_shear_is_the_drift_of_one_step() -> None:
    assert Grid(SHAPE, STRAIGHT).shear_mm == pytest.approx(0)
    assert Grid(SHAPE, oblique_affine()).shear_mm == pytest.approx(0, abs=1e-12)
    assert Grid(SHAPE, SHEARED).shear_mm == pytest.approx(np.hypot(0.4, 0.9))


def test_the_last_slice_drifts_as_often_as_there_are_steps() -> None:
    drift = np.hypot(0.4, 0.9)
    assert Grid(SHAPE, SHEARED).drift_mm(2) == pytest.approx(11 * drift)
    turned = SHEARED[:, [2, 0, 1, 3]]
    assert Grid((12, 16, 14), turned).drift_mm(0) == pytest.approx(11 * drift)
    assert Grid((12, 16, 14), turned).is_tilted(0)
    assert not Grid((1, 16, 14), turned).is_tilted(0)


def test_the_skew_of_a_slice_is_the_cosine_between_its_axes() -> None:
    affine = oblique_affine()
    assert [Grid(SHAPE, affine).skew(axis) for axis in range(3)] == pytest.approx([0] * 3, abs=1e-9)
    i, j = affine[:3, 0], affine[:3, 1]
    affine[:3, 1] = j + np.linalg.norm(j) / np.linalg.norm(i) * i
    assert Grid(SHAPE, affine).skew(2) == pytest.approx(np.sqrt(0.5))


def test_skew_is_the_largest_angle_off_right_angles() -> None:
    assert Grid(SHAPE, STRAIGHT).skew_degrees == pytest.approx(0)
    assert Grid(SHAPE, oblique_affine()).skew_degrees == pytest.approx(0, abs=1e-6)
    turned = oblique_affine()
    turned[:3, 2] += np.tan(np.deg2rad(7)) * turned[:3, 0] / 1.2 * 2.5
    assert Grid(SHAPE, turned).skew_degrees == pytest.approx(7)


def test_the_distance_between_two_affines_is_that_of_the_corner_farthest_apart() -> None:
    affine = oblique_affine()
    assert corner_distance(affine, affine, SHAPE) == 0
    moved = affine.copy()
    moved[:3, 3] += (3, 0, 4)
    assert corner_distance(affine, moved, SHAPE) == pytest.approx(5)
    stretched = affine.copy()
    stretched[:3, 2] *= 1.1
    last = 11 * 0.1 * np.linalg.norm(affine[:3, 2])  # at k = 11, and nowhere more
    assert corner_distance(affine, stretched, SHAPE) == pytest.approx(last)
