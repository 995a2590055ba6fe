"""What a filled slice shows of its error: texture lost is error made."""

import math

import numpy as np
import pytest

from medgan.restoration.likeness import Likeness
from medgan.restoration.signs import LEAST_LOST, TINY, Rims
from tests.restoration.phantom import make_stack

SHAPE = (60, 64)


def noise(seed, spread=0.1):
    return np.random.default_rng(seed).normal(0.5, spread, SHAPE).astype(np.float32)


def rims(before, after, fraction=0.5):
    return Rims(before, after, (before + after) / 2, fraction, 0.25)


def test_a_mean_lacks_as_much_variance_as_its_mean_squared_error():
    """Law of total variance: truth = what can be known + what cannot, and the fill is the first."""
    known, unknown = noise(0, 0.2), noise(1, 0.1) - np.float32(0.5)
    truth = known + unknown
    seen = rims(known + noise(2, 0.1) - np.float32(0.5), known + noise(3, 0.1) - np.float32(0.5))
    error = np.mean(np.square(known - truth))
    windowed = error * 48 / 49  # the variance within a window of 49, about its own mean
    assert seen.signs(known).lost == pytest.approx(windowed, rel=0.1)


def test_rims_count_by_how_near_they_lie():
    lively, blank = noise(0), np.full(SHAPE, 0.5, np.float32)
    near = rims(lively, blank, 0.25).signs(blank)
    far = rims(lively, blank, 0.75).signs(blank)
    assert near.lost == pytest.approx(3 * far.lost, rel=1e-4)


def test_a_slice_with_all_the_texture_of_its_rims_lacks_the_least():
    before, after = noise(0), noise(1)
    found = rims(before, after).signs(before)
    assert found.lost == pytest.approx(LEAST_LOST * 0.01 * 48 / 49 + TINY, rel=0.05)
    assert found.kept == pytest.approx(1, abs=0.05)


def test_what_is_kept_is_the_similarity_that_the_lack_alone_would_leave():
    """Windows of variance w, half of which is kept: SSIM (2 w/2 + c2) / (w/2 + w + c2)."""
    plane = np.tile(np.array([[0.3, 0.7]], np.float32), (SHAPE[0], SHAPE[1] // 2))
    # Columns alternate, so that a window of 7 holds 3 of one and 4 of the other in each row.
    w = 0.4**2 * (3 / 7) * (4 / 7)
    half = (0.5 + (plane - 0.5) * np.sqrt(0.5)).astype(np.float32)
    expected = (w + 9e-4) / (1.5 * w + 9e-4)
    assert rims(plane, plane).signs(half).kept == pytest.approx(expected, rel=1e-3)


def test_rims_and_flow_are_compared_as_they_are():
    before, after, filled = noise(0), noise(1), noise(2)
    found = rims(before, after).signs(filled)
    assert found.rims == Likeness.of(before, after)
    assert found.flow == Likeness.of(filled, (before + after) / 2)
    assert (found.fraction, found.place) == (0.5, 0.25)


def test_rims_are_taken_from_the_slices_on_either_side():
    stack = make_stack([True] * 4 + [False] * 3 + [True] * 4)
    found = Rims.of(stack, 4)
    np.testing.assert_array_equal(found.before, stack.planes[3])
    np.testing.assert_array_equal(found.after, stack.planes[7])
    assert (found.fraction, found.place) == (0.25, 0.4)
    assert np.mean((found.between - stack.planes[4]) ** 2) < np.mean(
        (found.before - stack.planes[4]) ** 2
    )


def test_planes_smaller_than_a_window_keep_nothing_that_is_known():
    small = np.zeros((5, 5), np.float32)
    found = Rims(small, small, small, 0.5, 0.5).signs(small)
    assert math.isnan(found.kept)
    assert found.lost == pytest.approx(TINY)
