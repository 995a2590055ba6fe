"""A tilted stack on a straight grid: the same function of the world, in every voxel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import SimpleITK

from medgan.errors import SeriesError
from medgan.scans import Scan, is_tilted, load, straighten, write_nifti
from tests.scans.linear_world import STEP, TILTED, linear, save_linear
from tests.scans.restored import restored_series, virtual_scan
from tests.scans.series import oblique


def lps_of(scan: Scan) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, scan.stored.shape), indexing="ij"), axis=-1)
    return scan.grid.position(index) * np.array([-1.0, -1.0, 1.0])


def inside(scan: Scan, original: Scan) -> np.ndarray:
    """Voxels of the straight grid that lie within a slice of the tilted stack."""
    to_index = np.linalg.inv(original.affine)
    index = np.stack(np.meshgrid(*map(np.arange, scan.stored.shape), indexing="ij"), axis=-1)
    at = scan.grid.position(index) @ to_index[:3, :3].T + to_index[:3, 3]
    whole = np.abs(at[..., 2] - np.rint(at[..., 2])).max()
    assert whole < 1e-6  # the planes are the same: no value is made of two slices
    upper = np.array(original.stored.shape[:2]) - 1
    return np.asarray(((at[..., :2] >= -1e-6) & (at[..., :2] <= upper + 1e-6)).all(axis=-1))


@pytest.mark.parametrize("tilt", [0.3, -0.41, 1.7])
@pytest.mark.parametrize("is_oblique", [False, True])
def test_a_linear_world_comes_back_within_one_step(tmp_path, tilt, is_oblique):
    axes = oblique() if is_oblique else TILTED.axes
    save_linear(tmp_path / "in", series=replace(TILTED, tilt_mm=tilt, axes=axes))
    (scan,) = load(tmp_path / "in")
    assert is_tilted(scan)
    straight = straighten(scan)
    assert not is_tilted(straight)
    assert straight.grid.shear_mm < 1e-9
    known = inside(straight, scan)
    assert known.sum() > 0.5 * scan.stored.size
    error = np.abs(straight.values - linear(lps_of(straight)))[known]
    assert error.max() <= STEP
    outside = straight.values[~known]
    assert outside.max() < scan.values.min()
    assert "derived" in straight.notes[-1]


def test_sitk_finds_the_world_in_the_file(tmp_path):
    (scan,) = load(save_linear(tmp_path / "in"))
    path = write_nifti(straighten(scan), tmp_path / "a.nii.gz")
    image = SimpleITK.ReadImage(str(path))
    values = SimpleITK.GetArrayFromImage(image)
    low = scan.values.min()
    for index in [(7, 12, 0), (3, 9, 4), (12, 15, 8)]:
        value = values[index[::-1]]
        if value >= low:
            point = np.array(image.TransformIndexToPhysicalPoint(index))
            assert abs(value - linear(point)) <= STEP
    assert (values >= low).mean() > 0.7


def test_a_gap_stays_a_gap_and_padding_is_never_mixed_in(tmp_path):
    (scan,) = load(save_linear(tmp_path / "in", lost=(4,), padding=0))
    straight = straighten(scan)
    assert straight.missing == (4,)
    assert straight.padding == 0
    values, truth = straight.values, linear(lps_of(straight))
    kept = (straight.stored != 0) & np.isfinite(values)
    assert kept.sum() > 0.4 * scan.stored.size
    assert np.abs(values - truth)[kept].max() <= STEP


def test_measured_and_filled_slices_are_moved_alike(tmp_path):
    restored = restored_series(tmp_path / "in", tilt_mm=0.3)
    straight = straighten(restored)
    assert np.array_equal(straight.synthetic, restored.synthetic)
    holed = straighten(restored.without([4, 5]))
    for position in (0, 3, 6, 11):
        assert straight.slice_hash(position) == holed.slice_hash(position)


def test_a_straight_stack_comes_back_as_it_is():
    scan = virtual_scan()
    assert straighten(scan) is scan


def test_a_region_moves_with_its_slices(tmp_path):
    (scan,) = load(save_linear(tmp_path / "in"))
    region = np.zeros(scan.stored.shape, bool)
    region[5:8, 6:9, 3] = True
    straight = straighten(scan.with_region(region))
    assert straight.region is not None
    assert np.flatnonzero(straight.region.any(axis=(0, 1))).tolist() == [3]
    centre = lps_of(straight)[straight.region].mean(axis=0)
    assert np.abs(centre - lps_of(scan)[region].mean(axis=0)).max() < 1.5


def test_rows_and_columns_that_are_not_at_right_angles_are_refused(tmp_path):
    (scan,) = load(save_linear(tmp_path / "in"))
    affine = scan.affine.copy()
    affine[:3, 1] += 0.3 * affine[:3, 0]
    with pytest.raises(SeriesError, match="right angles"):
        straighten(replace(scan, grid=replace(scan.grid, affine=affine)))
