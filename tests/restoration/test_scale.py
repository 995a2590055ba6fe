"""The scale is measured on what is there, and nothing else."""

import numpy as np
import pytest

from medgan.errors import RestoreError
from medgan.restoration.scale import Scale, measure, physical_planes, stack_of
from tests.restoration.phantom import make_holes, make_scan


def test_scale_is_the_percentiles_of_numpy():
    planes = np.random.default_rng(0).normal(100, 20, (6, 30, 31)).astype(np.float32)
    used = np.array([1, 1, 0, 1, 1, 1], bool)
    scale = measure(planes, None, used)
    low, high = np.percentile(planes[used], [0.5, 99.5])
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high))


def test_hidden_slices_and_padding_do_not_count():
    planes = np.random.default_rng(0).random((4, 30, 30), dtype=np.float32)
    padding = np.zeros(planes.shape, bool)
    padding[:, :15] = True
    clean = measure(planes, padding, np.array([1, 1, 0, 1], bool))
    planes[2] = 1e6
    planes[padding] = -2000
    assert measure(planes, padding, np.array([1, 1, 0, 1], bool)) == clean


def test_subsampling_of_large_stacks_sees_every_column(monkeypatch):
    monkeypatch.setattr("medgan.restoration.scale.MAX_VOXELS", 1000)
    planes = np.broadcast_to(np.arange(64, dtype=np.float32), (8, 64, 64)).copy()
    scale = measure(planes, None, np.ones(8, bool))
    assert scale.low < 2
    assert scale.high > 61


def test_a_constant_scan_has_a_scale():
    assert measure(np.full((3, 8, 8), 7, np.float32), None, np.ones(3, bool)).width > 0
    everywhere = np.ones((3, 8, 8), bool)
    assert measure(np.zeros((3, 8, 8), np.float32), everywhere, np.ones(3, bool)) == Scale(0, 1)


def test_planes_are_physical_values_with_the_rescale_of_each_slice():
    n = 10
    scan = make_scan(n, slope=np.linspace(0.5, 2, n), intercept=np.arange(n) * 10.0)
    planes, padding = physical_planes(scan)
    assert padding is None
    np.testing.assert_allclose(planes, np.moveaxis(scan.values, 2, 0), rtol=1e-5)


def test_padding_and_nan_become_the_low_end():
    scan = make_scan(6)
    stored = scan.stored.astype(np.float32)
    stored[:5] = np.nan
    stored[5:8] = -2000
    holed = make_scan(6, stored=stored, padding=-2000)
    planes, padding = physical_planes(holed)
    assert np.isfinite(planes).all()
    np.testing.assert_array_equal(padding, np.moveaxis(np.isnan(stored) | (stored == -2000), 2, 0))
    low = np.percentile(scan.stored[8:], 0.5)
    assert planes[:, 2, 20] == pytest.approx(low, abs=1)
    assert planes[:, 6, 20] == pytest.approx(low, abs=1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stack_is_slice_first_at_true_positions_and_undone(axis):
    scan = make_holes(make_scan(9, (30, 34), axis=axis, through=2.5), [4])
    planes, padding = physical_planes(scan)
    scale = measure(planes, padding, scan.present)
    stack = stack_of(scan, planes, scale, scan.present)
    assert stack.planes.shape == (9, 30, 34)
    np.testing.assert_allclose(stack.positions_mm, np.arange(9) * 2.5)
    assert stack.pixel_mm == pytest.approx(1)
    measured = np.moveaxis(scan.values, axis, 0)[scan.present]
    np.testing.assert_allclose(scale.undo(stack.planes)[scan.present], measured, rtol=1e-4)
    inside = np.percentile(stack.planes[scan.present], [0.5, 99.5])
    np.testing.assert_allclose(inside, [0, 1], atol=1e-3)


@pytest.mark.filterwarnings("ignore:overflow encountered")
@pytest.mark.parametrize("factor", [1e300, 1e-60])
def test_values_that_single_precision_cannot_hold_are_refused(factor):
    scan = make_scan(8, (12, 12))
    huge = make_scan(8, (12, 12), stored=scan.stored * factor)
    with pytest.raises(RestoreError, match="single precision"):
        physical_planes(huge)


def test_values_that_single_precision_holds_are_kept():
    stored = make_scan(8, (12, 12)).stored * 1e30
    planes, padding = physical_planes(make_scan(8, (12, 12), stored=stored))
    assert padding is None
    np.testing.assert_allclose(planes, np.moveaxis(stored, 2, 0), rtol=1e-6)


@pytest.mark.parametrize("value", [1e10, 1e20, 1e37, -1e20])
def test_one_voxel_absurdly_far_out_is_refused(value):
    scan = make_scan(12)
    stored = scan.stored.astype(np.float32)
    stored[3, 4, 5] = value
    with pytest.raises(RestoreError, match="some voxels must be damaged"):
        physical_planes(type(scan)(**{**scan.__dict__, "stored": stored}))


def test_metal_in_a_ct_is_no_damage():
    scan = make_scan(12)
    stored = scan.stored.astype(np.int32)
    stored[3:5, 4:6, 5] = 31_000
    physical_planes(type(scan)(**{**scan.__dict__, "stored": stored}))
