"""Gaps in volumes without slice headers: found in any axis, and not where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from medgan.errors import SeriesError
from medgan.scans.constant_slices import constant_runs
from medgan.scans.grid import Grid
from medgan.scans.volume_files import gaps_of

COVERS = ("volume_files",)

SHAPE = (26, 30, 28)


def ellipsoid(
    centre: tuple[float, float, float] = (12.5, 14.5, 13.5),
    radii: tuple[float, float, float] = (10, 12, 11),
    seed: int = 0,
) -> NDArray[np.int16]:
    """A textured body on a background of exact zeros, as after skull stripping."""
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    inside = (((index - centre) / radii) ** 2).sum(axis=-1) <= 1
    noise = np.random.default_rng(seed).integers(300, 900, SHAPE)
    return np.where(inside, noise, 0).astype(np.int16)


def grid() -> Grid:
    return Grid(SHAPE, np.diag([-1.0, -1.0, 1.0, 1.0]))


@pytest.mark.parametrize("seed", range(60))
def test_random_gaps_in_any_axis_are_found_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    volume, axis = ellipsoid(seed=seed), int(rng.integers(3))
    inner = np.setdiff1d(np.arange(SHAPE[axis]), constant_runs(volume, axis).ends)[1:-1]
    lost = np.sort(rng.choice(inner, int(rng.integers(1, inner.size // 2)), replace=False))
    np.moveaxis(volume, axis, 0)[lost] = rng.choice([0, -1000, 5])
    found = gaps_of(volume, grid(), None)
    assert found.axis == axis
    np.testing.assert_array_equal(np.flatnonzero(found.missing), lost)


def test_empty_ends_are_no_gap() -> None:
    found = gaps_of(ellipsoid(), grid(), None)
    assert not found.missing.any()
    assert found.axis == 2
    assert found.ends == (0, 1, 2, 25, 26, 27)


def test_space_between_two_objects_is_background() -> None:
    """Two legs: the empty sagittal slices between them were never missing."""
    volume = ellipsoid((6, 14.5, 13.5), (5, 12, 11)) + ellipsoid((19, 14.5, 13.5), (5, 12, 11))
    found = constant_runs(volume, 0)
    assert not found.missing.any()
    assert [run.length for run in found.between] == [4]
    assert gaps_of(volume, grid(), None).axis == 2


def test_each_slice_may_have_its_own_constant() -> None:
    volume = ellipsoid()
    volume[:, :, 13], volume[:, :, 14] = 7, -3
    assert np.flatnonzero(constant_runs(volume, 2).missing).tolist() == [13, 14]


def test_gaps_along_two_axes_are_refused_until_one_is_named() -> None:
    noise = np.random.default_rng(1).integers(0, 900, SHAPE).astype(np.int16)
    noise[12], noise[:, 9] = 0, 0
    noise[:, 9, :], noise[12, :, :] = 0, 0
    with pytest.raises(SeriesError) as caught:
        gaps_of(noise, grid(), None)
    assert "axes 0 and 1" in caught.value.what
    assert "--axis" in caught.value.hint
    assert np.flatnonzero(gaps_of(noise, grid(), 1).missing).tolist() == [9]


def test_a_slice_with_nan_and_numbers_is_no_gap() -> None:
    volume = ellipsoid().astype(np.float32)
    volume[:5, :, 13] = np.nan
    assert not constant_runs(volume, 2).missing.any()
    volume[5:, :, 13] = 0  # numbers, but nothing in them
    assert np.flatnonzero(constant_runs(volume, 2).missing).tolist() == [13]
    volume[:, :, 13] = np.nan
    assert np.flatnonzero(constant_runs(volume, 2).missing).tolist() == [13]


def test_the_axis_is_that_of_the_largest_step() -> None:
    thick = Grid(SHAPE, np.diag([-1.0, 3.0, 1.0, 1.0]))
    assert gaps_of(ellipsoid(), thick, None).axis == 1
    assert gaps_of(ellipsoid(), grid(), 0).axis == 0
