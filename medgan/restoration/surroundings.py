"""How far each slice's figures stand out of those of the slices around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.restoration.leave_one_out import KINDS, Figures, LeaveOneOut

N_AROUND = 4
"""Slices on each side whose figures are compared with."""
LEAST_AROUND = 4
"""With fewer of them in all, a slice is not judged."""
LEAST_CONTENT = 0.15
"""Slices whose neighbours hold signal in less of their area are not judged."""
WIDEST = 2.0
"""Neighbours so many times as far apart as usual are too far to judge by."""


@dataclass(frozen=True, eq=False)
class Standing:
    """Slices that can be judged, and how they stand out.

    Parameters
    ----------
    positions
        Ascending.
    neighbours
        Positions before and after each.
    figures
        Of each.
    deviations
        (m, kinds): figure less the median of those around.
    spreads
        (m, kinds): spread of the figures around, or over the stack, whichever is larger.
    """

    positions: tuple[int, ...]
    neighbours: tuple[tuple[int, int], ...]
    deviations: NDArray[np.float64]
    spreads: NDArray[np.float64]

    @property
    def is_beside_hole(self) -> NDArray[np.bool_]:
        """(m,): the two neighbours are not equally far."""
        pairs = zip(self.positions, self.neighbours, strict=True)
        return np.array([p - before != after - p for p, (before, after) in pairs], dtype=bool)


def standing(stack: LeaveOneOut, line: Sequence[int], judged: frozenset[int]) -> Standing:
    """Compare every slice with those around it.

    Parameters
    ----------
    line
        Positions of the slices that are there and not known to be damaged, ascending.
    judged
        Those that are to be judged, and that others are compared with.
    """
    figures = _figures(stack, line, judged)
    found = [rank for rank in figures if len(_around(rank, figures)) >= LEAST_AROUND]
    n = len(KINDS)
    own = np.array([figures[rank][:n] for rank in found]).reshape(-1, n)
    around = [np.array([figures[r][:n] for r in _around(rank, figures)]) for rank in found]
    middle = np.array([np.median(rows, axis=0) for rows in around]).reshape(-1, n)
    deviations = own - middle
    near = np.array(
        [_spread(rows - m) for rows, m in zip(around, middle, strict=True)],
    ).reshape(-1, n)
    spreads = np.maximum(near, _spread(deviations)) if found else near
    return Standing(
        positions=tuple(line[rank] for rank in found),
        neighbours=tuple((line[rank - 1], line[rank + 1]) for rank in found),
        deviations=deviations,
        spreads=spreads,
    )


def _figures(stack: LeaveOneOut, line: Sequence[int], judged: frozenset[int]) -> dict[int, Figures]:
    """Return the figures of slices with two neighbours that are near and hold enough, by rank."""
    places = np.array(line)
    across = places[2:] - places[:-2]
    usual = float(np.median(across)) if across.size else 0.0
    figures = {}
    for rank in range(1, len(line) - 1):
        if line[rank] in judged and across[rank - 1] <= WIDEST * usual:
            found = stack.figures(line[rank - 1], line[rank], line[rank + 1])
            if found.content >= LEAST_CONTENT:
                figures[rank] = found
    return figures


def _around(rank: int, figures: dict[int, Figures]) -> list[int]:
    """Return the ranks compared with: not the direct neighbours, whose figures hold the slice."""
    before = [r for r in range(rank - 2, rank - 2 - N_AROUND, -1) if r in figures]
    after = [r for r in range(rank + 2, rank + 2 + N_AROUND) if r in figures]
    return before + after


def _spread(deviations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the median absolute deviation of each column, as the SD of a normal distribution."""
    spread: NDArray[np.float64] = 1.4826 * np.median(np.abs(deviations), axis=0)
    return spread
