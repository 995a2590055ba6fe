"""Extrapolation against the closed forms of a ramp and of a geometric decay."""

import numpy as np
import pytest

from medgan.interpolation import Stack, extrapolators

METHODS = {method.name: method for method in extrapolators()}


def stack(values, present, positions):
    planes = np.asarray(values, np.float32)[:, None, None] * np.ones((1, 3, 4), np.float32)
    return Stack(planes, np.asarray(present, bool), np.asarray(positions, float), 1.0)


def test_the_last_slice_is_repeated_on_either_side():
    one = stack([9, 1, 2, 5, 9], [0, 1, 1, 1, 0], range(5))
    np.testing.assert_allclose(METHODS["repeat"].fill(one, [0, 4])[:, 0, 0], [1, 5])
    np.testing.assert_allclose(METHODS["blur"].fill(one, [0, 4])[:, 0, 0], [1.5, 3.5])


def test_a_geometric_decay_is_continued_exactly():
    # v(n) = 1 - 0.5^n changes by half as much at every step: what the damped trend supposes.
    n = np.arange(8)
    one = stack(1 - 0.5**n, n < 5, n * 2.5)
    made = METHODS["damped_trend"].fill(one, [5, 6, 7])[:, 0, 0]
    np.testing.assert_allclose(made, 1 - 0.5 ** n[5:], atol=1e-6)
    mirrored = stack(1 - 0.5 ** n[::-1], n > 2, n * 2.5)
    made = METHODS["damped_trend"].fill(mirrored, [0, 1, 2])[:, 0, 0]
    np.testing.assert_allclose(made, 1 - 0.5 ** n[:-4:-1], atol=1e-6)


@pytest.mark.parametrize("distance", [1, 10, 1000])
def test_a_ramp_never_goes_on_by_more_than_one_step(distance):
    one = stack([0, 1, 0], [1, 1, 0], [0, 1, 1 + distance])
    assert 1 < METHODS["damped_trend"].fill(one, [2])[0, 0, 0] <= 2


def test_true_positions_count_not_indices():
    near = stack([0, 1, 0], [1, 1, 0], [0, 4, 6])
    far = stack([0, 1, 0], [1, 1, 0], [0, 4, 12])
    near_value, far_value = (METHODS["damped_trend"].fill(s, [2])[0, 0, 0] for s in (near, far))
    assert near_value == pytest.approx(1 + 1 - 0.5**0.5)
    assert far_value == pytest.approx(1 + 0.5 + 0.25)


def test_one_slice_alone_is_repeated_by_all():
    one = stack([3, 0], [1, 0], [0, 1])
    for method in METHODS.values():
        np.testing.assert_allclose(method.fill(one, [1]), 3)
