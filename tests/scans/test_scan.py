"""Scans: physical values, hashes of what was measured, and filling without touching it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Gap, Grid, Scan, Source, runs


def scan(axis: int = 2, padding: int | None = None) -> Scan:
    rng = np.random.default_rng(0)
    shape = (5, 6, 7)
    n = shape[axis]
    present = np.ones(n, dtype=bool)
    present[2] = False
    return Scan(
        id="a",
        stored=rng.integers(-50, 900, shape).astype(np.int16),
        grid=Grid(shape, np.eye(4)),
        axis=axis,
        present=present,
        synthetic=np.zeros(n, dtype=bool),
        slope=np.linspace(1, 2, n),
        intercept=np.linspace(-1000, -900, n),
        modality="ct",
        format="dicom",
        source=Source(Path("in"), ()),
        padding=padding,
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_values_follow_the_rescale_of_each_slice(axis: int) -> None:
    one = scan(axis)
    values = np.moveaxis(one.values, axis, 0)
    for position in range(one.n_positions):
        expected = one.slice(position) * one.slope[position] + one.intercept[position]
        if position == 2:
            assert np.isnan(values[position]).all()
        else:
            np.testing.assert_allclose(values[position], expected, rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_filling_changes_nothing_else(axis: int) -> None:
    one = scan(axis)
    plane = np.full((1, *one.slice(0).shape), -700.0)
    filled = one.with_slices([2], plane)
    assert filled.missing == ()
    assert np.flatnonzero(filled.synthetic).tolist() == [2]
    assert filled.notes == one.notes
    for position in np.flatnonzero(one.present):
        assert filled.slice_hash(position) == one.slice_hash(position)
    step = one.slope[2] / 2
    assert np.abs(np.moveaxis(filled.values, axis, 0)[2] + 700).max() <= step + 1e-3
    assert filled.without([2]).missing == (2,)
    assert not filled.without([2]).synthetic.any()


def test_measured_slices_are_never_written_over() -> None:
    with pytest.raises(ValueError, match="present"):
        scan().with_slices([3], np.zeros((1, 5, 6)))


def test_filled_values_stay_in_the_measured_range_and_off_the_padding() -> None:
    one = scan(padding=100)
    plane = np.full((1, 5, 6), 1e6)
    plane[0, 0] = 100 * one.slope[2] + one.intercept[2]
    filled = one.with_slices([2], plane)
    measured = one.stored[:, :, one.present]
    assert filled.stored[:, :, 2].max() == measured.max()
    assert not (filled.stored[:, :, 2] == 100).any()


def test_the_content_hash_sees_values_and_place_only() -> None:
    one = scan()
    other = one.stored.copy()
    other[:, :, 2] += 5
    assert replace(one, stored=other).content_hash == one.content_hash
    other[0, 0, 1] += 1
    assert replace(one, stored=other).content_hash != one.content_hash
    moved = Grid(one.grid.shape, one.affine + np.eye(4)[:, ::-1] * 0.01)
    assert replace(one, grid=moved).content_hash != one.content_hash
    assert replace(one, id="b", notes=("x",), modality="mr").content_hash == one.content_hash


def test_runs() -> None:
    flags = np.array([1, 0, 0, 1, 1, 0, 1], dtype=bool)
    assert runs(flags) == (Gap(0, 1), Gap(3, 2), Gap(6, 1))
    assert runs(np.zeros(3, dtype=bool)) == ()
    assert list(Gap(3, 2).positions) == [3, 4]


def test_only_measured_slices_are_the_truth() -> None:
    one = scan()
    made = np.arange(one.n_positions) < 2
    np.testing.assert_array_equal(replace(one, synthetic=made).truth, one.present & ~made)
    # A phantom has nothing but itself to be tried out on.
    wholly = replace(one, synthetic=np.ones(one.n_positions, bool))
    np.testing.assert_array_equal(wholly.truth, one.present)
