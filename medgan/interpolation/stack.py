"""Planes at true positions, some of them missing: what every filler looks at."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation.flow import both_flows

K = 3
"""Measured slices that are looked at on each side of a gap."""

MAX_FLOWS = 16
"""Pairs of slices whose flow is kept: as many as fillers come back to, whatever the stack."""

Flows = tuple[NDArray[np.float32], NDArray[np.float32]]


class Planes(Protocol):
    """Planes (n, h, w) float32: an array, or what derives them where they are looked at."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, h, w)."""

    def __getitem__(self, at: Any, /) -> NDArray[np.float32]:
        """Return one plane (h, w) for a position, or (m, h, w) for a list of m."""

    def __len__(self) -> int:
        """Return n."""

    def __array__(self, /) -> NDArray[np.float32]:
        """Return all of them, in memory."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Slices along one axis.

    Parameters
    ----------
    planes
        (n, h, w) float32, about 0..1 (P0.5..P99.5 of what was measured). Planes that are not
        present are never looked at. Need not be in memory at once.
    present
        (n,) bool.
    positions_mm
        (n,) true positions along the slice axis, ascending.
    pixel_mm
        Mean side of a pixel.
    """

    planes: Planes
    present: NDArray[np.bool_]
    positions_mm: NDArray[np.float64]
    pixel_mm: float
    _flows: dict[tuple[int, int], Flows] = field(default_factory=dict, repr=False)

    def neighbours(self, target: int) -> tuple[list[int], list[int]]:
        """Return up to K present positions before and after a missing one, ascending.

        Raises
        ------
        ValueError
            If there is none on one side: an end of the stack is extrapolation, not our task.
        """
        there = np.flatnonzero(self.present)
        before = [int(p) for p in there[there < target][-K:]]
        after = [int(p) for p in there[there > target][:K]]
        if not before or not after:
            raise ValueError(f"position {target} has slices on one side only")
        return before, after

    def fraction(self, target: int) -> float:
        """Return how far a position lies from its neighbour before to the one after, 0..1."""
        before, after = self.neighbours(target)
        a, b = self.positions_mm[[before[-1], after[0]]]
        return float((self.positions_mm[target] - a) / (b - a))

    def flow(self, before: int, after: int) -> NDArray[np.float32]:
        """Symmetric displacement (2, h, w) from one plane to a later one, in pixels (x, y)."""
        return self._both_flows(before, after)[1]

    def plain_flow(self, before: int, after: int) -> NDArray[np.float32]:
        """Displacement (2, h, w) matched in one direction only, in pixels (x, y)."""
        return self._both_flows(before, after)[0]

    def _both_flows(self, before: int, after: int) -> Flows:
        """Both displacements; computed once while the pair is among the last ones asked for."""
        pair = before, after
        if pair not in self._flows:
            if len(self._flows) >= MAX_FLOWS:
                del self._flows[next(iter(self._flows))]
            self._flows[pair] = both_flows(self.planes[before], self.planes[after])
        return self._flows[pair]

    def without(self, positions: list[int]) -> Stack:
        """Return a stack in which these planes are missing."""
        present = self.present.copy()
        present[positions] = False
        return Stack(self.planes, present, self.positions_mm, self.pixel_mm)
