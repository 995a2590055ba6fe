"""Laws of what may be hidden, for any stack."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medgan.restoration.hide import GapKind, interior_gaps, kind_of, widest_tried, windows
from medgan.scans import Gap

stacks = st.lists(st.booleans(), min_size=3, max_size=40).map(lambda x: np.array(x, bool))


def dense(n):
    return np.ones(n, bool)


def thinned(n, step):
    present = np.arange(n) % step == 0
    present[-1] = True
    return present


@given(stacks, st.data(), st.integers(1, 10), st.booleans())
def test_every_window_is_a_gap_like_the_real_one(present, data, length, is_regular):
    flags = st.lists(st.booleans(), min_size=present.size, max_size=present.size)
    measured = present & np.array(data.draw(flags), bool)
    chosen = windows(GapKind(length, is_regular), present, measured)
    there = np.flatnonzero(present)
    assert len(chosen) <= 6
    for window in chosen:
        assert set(window.scored) <= set(window.hidden)
        assert measured[list(window.scored)].all()
        assert present[list(window.hidden)].all()
        left = present.copy()
        left[list(window.hidden)] = False
        assert left[there[0]]
        assert left[there[-1]]
        if not is_regular:
            first, last = min(window.hidden), max(window.hidden)
            before = np.flatnonzero(left[:first])[-1]
            after = last + 1 + np.flatnonzero(left[last + 1 :])[0]
            assert after - before - 1 >= length
            assert not left[before + 1 : after].any()
            depth = max(min(p - before, after - p) for p in window.scored)
            assert depth >= (length + 1) // 2


def test_six_windows_spread_over_a_complete_stack():
    present = dense(40)
    chosen = windows(GapKind(4, False), present, present)
    assert len(chosen) == 6
    assert all(len(w.hidden) == 4 and len(w.scored) == 3 for w in chosen)
    starts = [w.hidden[0] for w in chosen]
    assert starts == sorted(starts)
    assert max(np.diff(starts)) - min(np.diff(starts)) <= 1


def test_a_thinned_stack_hides_both_phases():
    present = thinned(41, 4)
    odd, even = windows(GapKind(3, True), present, present)
    assert odd.hidden == (4, 12, 20, 28, 36)
    assert even.hidden == (8, 16, 24, 32)


def test_synthetic_slices_are_hidden_but_never_scored():
    present, measured = dense(12), dense(12)
    measured[5:8] = False
    for kind in (GapKind(3, False), GapKind(1, True)):
        for window in windows(kind, present, measured):
            assert measured[list(window.scored)].all()


@pytest.mark.parametrize(
    ("present", "gap", "is_regular"),
    [
        ("|||||.|||||", Gap(5, 1), False),
        ("||||...||||", Gap(4, 3), False),
        ("|.|.|.|.|", Gap(3, 1), True),
        ("|.|.|.|.|.||", Gap(9, 1), True),  # the last slice is always kept
        ("|...|...|..|", Gap(9, 2), True),
        ("||.|.||||", Gap(2, 1), False),
        ("|.|.|......|.|.|", Gap(5, 6), False),  # wider than the stack is thin
        ("|.|", Gap(1, 1), False),
    ],
)
def test_a_gap_is_regular_where_the_stack_around_is_as_thin(present, gap, is_regular):
    flags = np.array([c == "|" for c in present])
    assert gap in interior_gaps(flags)
    assert kind_of(gap, flags) == GapKind(gap.length, is_regular)


def test_gaps_at_the_ends_are_not_interior():
    flags = np.array([c == "|" for c in "..||.||."])
    assert interior_gaps(flags) == (Gap(4, 1),)


def test_a_slice_at_the_rim_of_a_hole_says_nothing_about_its_middle():
    present = np.array([c == "|" for c in "|........||"])
    assert windows(GapKind(8, False), present, present) == ()
    assert widest_tried(8, present, present) == 2


@pytest.mark.parametrize(("n", "widest"), [(2, 0), (3, 1), (4, 2), (12, 10)])
def test_the_widest_gap_that_can_be_tried_leaves_both_ends(n, widest):
    assert widest_tried(50, dense(n), dense(n)) == widest
