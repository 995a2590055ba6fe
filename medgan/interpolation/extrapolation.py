"""Classical ways to go on beyond the last slice of a stack: weights on the outermost slices.

What lies beyond the last slice was not seen from any side, so nothing clever is done here: the last
slice is repeated, or the change between the last two goes on and dies away.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation.stack import Stack

DAMPING = 0.5
"""Share of the change between the last two slices that is left one step further out. Undamped
linear extrapolation is not offered: its error grows with the distance without bound."""

Weights = NDArray[np.float64]


def repeat(x: Weights, at: float) -> Weights:
    """Return one for the outermost slice."""
    weights = np.zeros(len(x))
    weights[0] = 1
    return weights


def blur(x: Weights, at: float) -> Weights:
    """Weights of the mean of the two outermost slices: half as much noise as in one."""
    weights = np.zeros(len(x))
    weights[:2] = 1 / len(x[:2])
    return weights


def damped_trend(x: Weights, at: float) -> Weights:
    """Weights of the damped trend through the two outermost slices.

    With h the distance in steps, the change goes on by phi + phi^2 + .. + phi^h of itself, which is
    phi (1 - phi^h) / (1 - phi) for any real h.

    References
    ----------
    Gardner and McKenzie 1985, Forecasting Trends in Time Series, equation 5.
    """
    weights = repeat(x, at)
    if len(x) > 1:
        steps = abs(at - x[0]) / abs(x[0] - x[1])
        share = DAMPING * (1 - DAMPING**steps) / (1 - DAMPING)
        weights[:2] = 1 + share, -share
    return weights


@dataclass(frozen=True)
class Extrapolator:
    """Estimate planes beyond the last slice.

    Parameters
    ----------
    name
        How records and reports call it.
    weights
        From positions in mm, the outermost slice first, and the place beyond it.
    """

    name: str
    weights: Callable[[Weights, float], Weights]

    def fill(self, stack: Stack, targets: Sequence[int]) -> NDArray[np.float32]:
        """Estimate planes (len(targets), h, w) that have slices on one side only."""
        return np.stack([self._plane(stack, target) for target in targets])

    def _plane(self, stack: Stack, target: int) -> NDArray[np.float32]:
        there = np.flatnonzero(stack.present)
        used = there[:2] if target < there[0] else there[:-3:-1]
        row = self.weights(stack.positions_mm[used], float(stack.positions_mm[target]))
        return np.tensordot(row.astype(np.float32), stack.planes[used], axes=1)


def extrapolators() -> tuple[Extrapolator, ...]:
    """Every way to go on beyond the last slice; the first is what the others are measured by."""
    return (
        Extrapolator("repeat", repeat),
        Extrapolator("blur", blur),
        Extrapolator("damped_trend", damped_trend),
    )
