"""Which measured slices to hide, so that gaps like the real ones can be tried out.

A gap is tried out by hiding as few neighbouring slices as make a hole at least as long. In a stack
of which every S-th slice is left, that is every second one; elsewhere it is a few windows spread
over the stack. What is hidden is hidden from everything: flow, neighbours, intensity scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import K
from medgan.scans import Gap, runs

Item = TypeVar("Item")

N_WINDOWS = 6
"""Windows tried out for one kind of gap; each costs one filling by every filler."""
MAX_SCORED = 3
"""Slices scored in one window, the first, the middle and the last; more of one hole say little."""


@dataclass(frozen=True)
class GapKind:
    """Gaps that are filled under the same conditions.

    Parameters
    ----------
    length
        Missing slices.
    is_regular
        Whether the slices around are as far apart as the gap is wide (a thinned stack), and not
        adjacent to one another.
    """

    length: int
    is_regular: bool


@dataclass(frozen=True)
class Window:
    """Slices hidden at the same time, and those of them that are scored."""

    hidden: tuple[int, ...]
    scored: tuple[int, ...]


def interior_gaps(present: NDArray[np.bool_]) -> tuple[Gap, ...]:
    """Return the gaps of a stack, `present` (n,), that have a slice on both sides."""
    last = len(present)
    return tuple(g for g in runs(~present) if g.first > 0 and g.first + g.length < last)


def kind_of(gap: Gap, present: NDArray[np.bool_]) -> GapKind:
    """Tell under which conditions a gap of a stack, `present` (n,), is filled."""
    there = np.flatnonzero(present)
    after = int(np.searchsorted(there, gap.first))
    steps = np.diff(there)
    # The median of several: a thinned stack may end in two adjacent slices.
    around = np.concatenate([steps[max(after - 1 - K, 0) : after - 1], steps[after : after + K]])
    usual = float(np.median(around)) if around.size else 1.0
    return GapKind(gap.length, usual > 1 and usual >= gap.length)


def windows(
    kind: GapKind, present: NDArray[np.bool_], measured: NDArray[np.bool_]
) -> tuple[Window, ...]:
    """Choose what to hide for one kind of gap.

    Parameters
    ----------
    kind
        The gaps to try out.
    present
        (n,) slices that can be used as neighbours.
    measured
        (n,) slices that are the truth; synthetic ones never are.

    Returns
    -------
    tuple
        Empty where the stack is too short to try such a gap out: no slice to be scored lies as far
        from its neighbours as the middle of the gap does.
    """
    there = [int(p) for p in np.flatnonzero(present)]
    if kind.is_regular:
        return _phases(there, measured)
    return _spread(there, kind.length, measured)


def widest_tried(below: int, present: NDArray[np.bool_], measured: NDArray[np.bool_]) -> int:
    """Return the largest gap shorter than `below` that can be tried out; 0 if none can."""
    lengths = range(below - 1, 0, -1)
    return next((n for n in lengths if windows(GapKind(n, False), present, measured)), 0)


def _phases(there: list[int], measured: NDArray[np.bool_]) -> tuple[Window, ...]:
    """Every second slice, once the odd and once the even ones; the ends always stay."""
    found = []
    for phase in (1, 2):
        hidden = there[phase:-1:2]
        scored = _evenly([p for p in hidden if measured[p]], N_WINDOWS)
        if scored:
            found.append(Window(tuple(hidden), tuple(scored)))
    return tuple(found)


def _spread(there: list[int], length: int, measured: NDArray[np.bool_]) -> tuple[Window, ...]:
    """Choose a few windows, each a hole of at least `length` positions between two slices."""
    found = []
    for start in range(1, len(there) - 1):
        stop = start + 1
        while stop < len(there) and there[stop] - there[start - 1] <= length:
            stop += 1
        if stop == len(there):
            break
        hidden = there[start:stop]
        scored = _evenly([p for p in hidden if measured[p]], MAX_SCORED)
        depth = max((min(p - there[start - 1], there[stop] - p) for p in scored), default=0)
        if depth >= (length + 1) // 2:
            found.append(Window(tuple(hidden), tuple(scored)))
    # Windows with two slices on either side are more like a real gap than those at the ends.
    inner = [w for w in found if there[1] < w.hidden[0] and w.hidden[-1] < there[-2]]
    chosen = inner if len(inner) >= N_WINDOWS // 2 else found
    return tuple(_evenly(chosen, N_WINDOWS))


def _evenly(items: Sequence[Item], n: int) -> list[Item]:
    """At most n of the items, from the first to the last."""
    if len(items) <= n:
        return list(items)
    return [items[round(i)] for i in np.linspace(0, len(items) - 1, n)]
