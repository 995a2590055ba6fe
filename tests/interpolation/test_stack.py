"""Who counts as a neighbour, and where a missing slice lies."""

import numpy as np
import pytest

from medgan.interpolation import Stack


def stack(present, positions=None, seed=0):
    n = len(present)
    planes = np.random.default_rng(seed).random((n, 16, 20), dtype=np.float32)
    mm = np.arange(n, dtype=float) if positions is None else np.asarray(positions, float)
    return Stack(planes, np.array(present, dtype=bool), mm, 1.0)


def test_neighbours_are_the_three_nearest_on_each_side_in_order():
    s = stack([1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1])
    assert s.neighbours(4) == ([1, 2, 3], [6, 8, 9])
    assert s.neighbours(7) == ([2, 3, 6], [8, 9, 10])


@pytest.mark.parametrize("present", [[0, 1, 1], [1, 1, 0]])
def test_an_end_has_no_neighbours(present):
    with pytest.raises(ValueError, match="one side only"):
        stack(present).neighbours(present.index(0))


def test_fraction_counts_millimetres_not_slices():
    assert stack([1, 0, 0, 1], [0, 1, 2.5, 10]).fraction(2) == pytest.approx(0.25)


def test_without_hides_planes_and_their_flow():
    s = stack([1, 1, 1, 1, 1])
    s.flow(1, 2)
    hidden = s.without([2])
    assert hidden.neighbours(2) == ([0, 1], [3, 4])
    assert s.present.all()
    np.testing.assert_array_equal(hidden.flow(1, 3), stack([1, 1, 0, 1, 1]).flow(1, 3))


def test_flow_is_kept_for_a_bounded_number_of_pairs():
    s = stack([1] * 40)
    first = s.flow(0, 1)
    assert s.flow(0, 1) is first
    for n in range(1, 39):
        s.flow(n, n + 1)
    assert len(s._flows) <= 16
    np.testing.assert_array_equal(s.flow(0, 1), first)
