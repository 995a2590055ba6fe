"""Who is judged, by whom, and that one odd slice does not spoil what the others are measured by."""

from __future__ import annotations

import numpy as np

from medgan.restoration.leave_one_out import KINDS, LeaveOneOut
from medgan.restoration.surroundings import standing
from tests.restoration.phantom import make_stack


def stack(n: int = 20, seed: int = 0) -> LeaveOneOut:
    return LeaveOneOut(np.array(make_stack([True] * n, seed=seed).planes))


def test_all_but_the_ends_are_judged() -> None:
    line = list(range(20))
    found = standing(stack(), line, frozenset(line))
    assert found.positions == tuple(range(1, 19))
    assert found.deviations.shape == found.spreads.shape == (18, len(KINDS))
    assert not found.is_beside_hole.any()


def test_without_enough_slices_around_none_is_judged() -> None:
    line = list(range(6))
    found = standing(stack(6), line, frozenset(line))
    assert found.positions == ()
    assert found.deviations.shape == (0, len(KINDS))


def test_slices_beside_a_hole_are_told_and_those_beside_a_wide_one_left_alone() -> None:
    every = list(range(20))
    one = standing(stack(), [p for p in every if p != 9], frozenset(every))
    beside = np.array(one.positions)[one.is_beside_hole]
    assert beside.tolist() == [8, 10]
    wide = standing(stack(), [p for p in every if p not in range(8, 13)], frozenset(every))
    assert not {7, 13} & set(wide.positions)


def test_only_what_is_to_be_judged_is() -> None:
    line = list(range(20))
    found = standing(stack(), line, frozenset(line) - {5, 6})
    assert not {5, 6} & set(found.positions)


def test_slices_without_signal_are_not_judged() -> None:
    planes = np.array(make_stack([True] * 20).planes)
    planes[:7] = 0
    line = list(range(20))
    found = standing(LeaveOneOut(planes), line, frozenset(line))
    assert min(found.positions) >= 6


def test_an_odd_slice_stands_out_and_its_surroundings_keep_their_measure() -> None:
    planes = np.array(make_stack([True] * 20).planes)
    planes[9] *= 0.5
    line = list(range(20))
    row = KINDS.index("dimmed")
    odd = standing(LeaveOneOut(planes), line, frozenset(line))
    clean = standing(stack(), line, frozenset(line))
    at = odd.positions.index(9)
    assert odd.deviations[at, row] > 0.6
    assert odd.spreads[at, row] < 3 * max(clean.spreads[at, row], 0.01)
