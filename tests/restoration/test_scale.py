"""The scale is measured on what is there, and nothing else."""

import tracemalloc

import numpy as np
import pytest

from medgan.errors import RestoreError
from medgan.restoration.scale import (
    PhysicalPlanes,
    Scale,
    measure,
    physical_planes,
    scale_of,
    stack_of,
)
from tests.restoration.phantom import make_holes, make_scan


def of_planes(planes, **changes):
    """A scan whose slices, along the third axis, are these planes (n, h, w)."""
    stored = np.moveaxis(planes, 0, 2)
    return make_scan(len(planes), planes.shape[1:], stored=stored, **changes)


def test_scale_is_the_percentiles_of_numpy():
    planes = np.random.default_rng(0).normal(100, 20, (6, 30, 31)).astype(np.float32)
    used = np.array([1, 1, 0, 1, 1, 1], bool)
    scale = measure(physical_planes(of_planes(planes)), used)
    low, high = np.percentile(planes[used], [0.5, 99.5])
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high))


def test_hidden_slices_and_padding_do_not_count():
    used = np.array([1, 1, 0, 1], bool)
    planes = np.random.default_rng(0).random((4, 30, 30), dtype=np.float32)
    low, high = np.percentile(planes[used][:, 15:], [0.5, 99.5])
    planes[2] = 1e3
    planes[:, :15] = -2000
    scale = measure(PhysicalPlanes(of_planes(planes, padding=-2000)), used)
    assert (scale.low, scale.high) == (pytest.approx(low), pytest.approx(high))


def test_subsampling_of_large_stacks_sees_every_row_and_column(monkeypatch):
    monkeypatch.setattr("medgan.restoration.scale.MAX_VOXELS", 1000)
    for axis in (1, 2):
        ramp = np.arange(64, dtype=np.float32).reshape((1, 64, 1) if axis == 1 else (1, 1, 64))
        planes = np.broadcast_to(ramp, (8, 64, 64)).copy()
        scale = measure(physical_planes(of_planes(planes)), np.ones(8, bool))
        assert scale.low < 2
        assert scale.high > 61


def test_a_constant_scan_has_a_scale():
    assert scale_of(np.full((3, 8, 8), 7, np.float32)).width > 0
    nothing = of_planes(np.full((3, 8, 8), np.nan, np.float32))
    assert measure(physical_planes(nothing), np.ones(3, bool)) == Scale(0, 1)


def test_planes_are_physical_values_with_the_rescale_of_each_slice():
    n = 10
    scan = make_scan(n, slope=np.linspace(0.5, 2, n), intercept=np.arange(n) * 10.0)
    np.testing.assert_allclose(physical_planes(scan), np.moveaxis(scan.values, 2, 0), rtol=1e-5)


def test_one_plane_several_and_all_are_the_same_values():
    planes = physical_planes(make_scan(7, (12, 14)))
    whole = np.asarray(planes)
    assert planes.shape == whole.shape == (7, 12, 14)
    np.testing.assert_array_equal(planes[3], whole[3])
    np.testing.assert_array_equal(planes[[5, 1]], whole[[5, 1]])


def test_a_large_scan_is_never_in_memory_in_floating_point(monkeypatch):
    monkeypatch.setattr("medgan.restoration.scale.MAX_VOXELS", 10_000)
    n = 64
    scan = make_scan(n, (128, 128))
    tracemalloc.start()
    planes = physical_planes(scan)
    stack = stack_of(scan, planes, measure(planes, scan.present), scan.present)
    for position in range(n):
        stack.planes[position]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < scan.stored.nbytes  # half of what it would take in single precision


def test_padding_and_nan_become_the_low_end():
    scan = make_scan(6)
    stored = scan.stored.astype(np.float32)
    stored[:5] = np.nan
    stored[5:8] = -2000
    holed = make_scan(6, stored=stored, padding=-2000)
    planes = np.asarray(physical_planes(holed))
    assert np.isfinite(planes).all()
    low = np.percentile(scan.stored[8:], 0.5)
    assert planes[:, 2, 20] == pytest.approx(low, abs=1)
    assert planes[:, 6, 20] == pytest.approx(low, abs=1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_stack_is_slice_first_at_true_positions_and_undone(axis):
    scan = make_holes(make_scan(9, (30, 34), axis=axis, through=2.5), [4])
    planes = physical_planes(scan)
    scale = measure(planes, scan.present)
    stack = stack_of(scan, planes, scale, scan.present)
    assert stack.planes.shape == (9, 30, 34)
    np.testing.assert_allclose(stack.positions_mm, np.arange(9) * 2.5)
    assert stack.pixel_mm == pytest.approx(1)
    measured = np.moveaxis(scan.values, axis, 0)[scan.present]
    np.testing.assert_allclose(
        scale.undo(np.asarray(stack.planes))[scan.present], measured, rtol=1e-4
    )
    inside = np.percentile(np.asarray(stack.planes)[scan.present], [0.5, 99.5])
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
    planes = physical_planes(make_scan(8, (12, 12), stored=stored))
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
