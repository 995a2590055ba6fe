"""Rows of weights against closed forms and scipy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicSpline, KroghInterpolator

from medgan.interpolation import weights

ROWS = [weights.nearest, weights.linear, weights.cubic, weights.spline, weights.lanczos]
steps = st.lists(st.floats(0.5, 8), min_size=5, max_size=5)
shares = st.floats(0.05, 0.95)


def layout(steps, share, n_before=3):
    """Positions of six slices and a place between two of them."""
    x = np.concatenate([[0.0], np.cumsum(steps)])
    return x, float(x[n_before - 1] + share * (x[n_before] - x[n_before - 1]))


@pytest.mark.parametrize("row", ROWS)
@given(steps, shares)
def test_weights_sum_to_one(row, steps, share):
    x, at = layout(steps, share)
    assert row(x, at).sum() == pytest.approx(1)


@pytest.mark.parametrize("row", [weights.linear, weights.cubic, weights.spline])
@given(steps, shares)
def test_a_ramp_is_reproduced_at_uneven_positions(row, steps, share):
    x, at = layout(steps, share)
    assert row(x, at) @ (3 - 2 * x) == pytest.approx(3 - 2 * at)


@pytest.mark.parametrize("row", [weights.cubic, weights.spline])
@given(steps, shares)
def test_a_cubic_is_reproduced_at_uneven_positions(row, steps, share):
    x, at = layout(steps, share)
    curve = np.polynomial.Polynomial([1, -0.5, 0.3, -0.02])
    assert row(x, at) @ curve(x) == pytest.approx(curve(at), rel=1e-6, abs=1e-6)


def test_spline_is_the_one_of_scipy():
    x, at = layout([2, 1, 3, 1, 2], 0.3)
    y = np.random.default_rng(0).normal(size=6)
    assert weights.spline(x, at) @ y == pytest.approx(float(CubicSpline(x, y)(at)))


def test_cubic_is_the_polynomial_through_the_four_nearest():
    x, at = layout([2, 1, 3, 1, 2], 0.7)
    y = np.random.default_rng(1).normal(size=6)
    exact = KroghInterpolator(x[1:5], y[1:5])(at)
    assert weights.cubic(x, at) @ y == pytest.approx(float(exact))


def test_cubic_in_the_middle_of_even_slices_is_catmull_rom():
    row = weights.cubic(np.arange(4.0), 1.5)
    np.testing.assert_allclose(row, [-1 / 16, 9 / 16, 9 / 16, -1 / 16])


@pytest.mark.parametrize("row", ROWS)
def test_with_one_slice_on_each_side_every_row_works(row):
    w = row(np.array([0.0, 4.0]), 1.0)
    assert w.sum() == pytest.approx(1)
    assert w[0] > w[1]


def test_nearest_takes_the_earlier_on_a_tie():
    np.testing.assert_array_equal(weights.nearest(np.array([0.0, 2.0]), 1.0), [1, 0])


def test_lanczos_is_the_windowed_sinc():
    x = np.arange(6.0)
    d = 2.25 - x
    exact = np.sinc(d) * np.sinc(d / 3) * (np.abs(d) < 3)
    np.testing.assert_allclose(weights.lanczos(x, 2.25), exact / exact.sum())
