"""Samples of thick slices: repeatable by number, the truth and its start with the same means."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slab_inputs import REACH, slab_arrays, steepness_of
from medgan.data.slab_samples import SlabSampler, SlabSettings
from medgan.data.slice_samples import Volume
from medgan.errors import DataError

COVERS = ("slab_inputs",)

SMALL = SlabSettings(crop=(16, 24), block=(6, 32), pool=2, reuse=2)


def volume(shape: tuple[int, int, int] = (30, 34, 26), group: str = "a") -> Volume:
    i, j, k = np.mgrid[0 : shape[0], 0 : shape[1], 0 : shape[2]]
    values = (0.3 + 0.3 * np.sin(i / 3) * np.cos(j / 4 + k / 5)).astype(np.float32)
    return Volume(values, (1.0, 1.0, 1.0), (0, 1, 2), group)


def sampler(settings: SlabSettings = SMALL, batch_size: int = 3) -> SlabSampler:
    return SlabSampler([volume(), volume((22, 12, 17), "b")], settings, 3, batch_size)


def test_the_same_number_gives_the_same_sample_in_any_order() -> None:
    forth, back = sampler(), sampler()
    expected = [forth(number) for number in range(36)]
    for number in reversed(range(36)):
        again = back(number)
        for a, b in zip((*expected[number].arrays,), (*again.arrays,), strict=True):
            np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(expected[number].target, again.target)
    assert not np.array_equal(expected[0].target, expected[1].target)


def test_a_batch_has_one_number_of_thin_slices_and_all_come() -> None:
    draw = sampler()
    counts = [[len(draw(number).target) for number in range(b * 3, b * 3 + 3)] for b in range(12)]
    assert all(len(set(batch)) == 1 for batch in counts)
    assert {batch[0] for batch in counts} == {2, 3, 4}


def test_truth_and_start_average_to_the_thick_slice() -> None:
    draw = sampler()
    for number in range(60):
        sample = draw(number)
        thick, base, _ = sample.arrays
        factor = len(sample.target)
        assert thick.shape == (2 * REACH + 1, 16, 24)
        assert base.shape == (factor + 2, 16, 24)
        # Interpolating in the plane is linear, and so commutes with the mean.
        np.testing.assert_allclose(sample.target.mean(axis=0), thick[REACH], atol=1e-5)
        np.testing.assert_allclose(base[1:-1].mean(axis=0), thick[REACH], atol=1e-5)
        assert 0.5 <= sample.weight <= 2.5


def test_blocks_are_replaced_after_so_many_uses() -> None:
    draw = sampler()
    made = []
    averaged = draw._averaged
    draw._averaged = lambda *a: made.append(1) or averaged(*a)  # type: ignore[method-assign]
    for number in range(2 * 3 * 2 * 4):  # pool x batch x reuse x 4 rounds of it
        draw(number)
    assert len(made) == pytest.approx(2 * 3 * 4, abs=3)


def test_beyond_an_end_the_outermost_slices_are_repeated() -> None:
    thick = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    base = np.arange(12, dtype=np.float32)[:, None, None] * np.ones((1, 2, 2), np.float32)
    first = slab_arrays(thick, base, 0, np.float32(0))
    assert first.thick[:, 0, 0].tolist() == [0, 0, 0, 1, 2]
    assert first.base[:, 0, 0].tolist() == [0, 0, 1, 2, 3]
    last = slab_arrays(thick, base, 3, np.float32(0))
    assert last.thick[:, 0, 0].tolist() == [1, 2, 3, 3, 3]
    assert last.base[:, 0, 0].tolist() == [8, 9, 10, 11, 11]


def test_steepness_is_in_octaves() -> None:
    assert steepness_of(4.0, 0.5) == pytest.approx(1.0)
    assert steepness_of(1.0, 1.0) == 0


def test_scans_too_thin_for_three_thick_slices_are_refused() -> None:
    thin = Volume(volume().values[:, :, :5].copy(), (1.0, 1.0, 1.0), (2,), "a")
    with pytest.raises(DataError, match="too thin"):
        SlabSampler([thin], SMALL, 0, 1)(0)


@pytest.mark.parametrize("crop", [(100000, 100000), (-8, 16)])
def test_crops_of_absurd_size_are_no_settings(crop):
    with pytest.raises(ValueError, match="crop"):
        SlabSettings(crop=crop)
