"""The classical fillers: each estimates missing planes of a stack from measured ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from medgan.interpolation import weights
from medgan.interpolation.flow import morph
from medgan.interpolation.stack import Stack

Planes = NDArray[np.float32]


class Filler(Protocol):
    """A way to estimate missing planes."""

    @property
    def name(self) -> str:
        """How records and reports call it."""

    def fill(self, stack: Stack, targets: Sequence[int]) -> Planes:
        """Estimate missing planes that have slices on both sides; (len(targets), h, w)."""


@dataclass(frozen=True)
class WeightFiller:
    """A fixed row of weights on the neighbours; see `interpolation.weights`."""

    name: str
    weights: Callable[[NDArray[np.float64], float], NDArray[np.float64]]

    def fill(self, stack: Stack, targets: Sequence[int]) -> Planes:
        """Weighted sums of the three slices on each side."""
        return np.stack([self._plane(stack, target) for target in targets])

    def _plane(self, stack: Stack, target: int) -> Planes:
        before, after = stack.neighbours(target)
        used = before + after
        row = self.weights(stack.positions_mm[used], float(stack.positions_mm[target]))
        return np.tensordot(row.astype(np.float32), stack.planes[used], axes=1)


@dataclass(frozen=True)
class PchipFiller:
    """Monotone cubic through the neighbours: no overshoot (Fritsch and Butland 1984)."""

    name: str = "pchip"

    def fill(self, stack: Stack, targets: Sequence[int]) -> Planes:
        """Interpolate every pixel along the slices."""
        planes = []
        for target in targets:
            before, after = stack.neighbours(target)
            used = before + after
            curve = PchipInterpolator(stack.positions_mm[used], stack.planes[used], axis=0)
            planes.append(curve(stack.positions_mm[target]).astype(np.float32))
        return np.stack(planes)


@dataclass(frozen=True)
class FlowFiller:
    """Morph between the two nearest slices along dense optical flow.

    Parameters
    ----------
    is_symmetric
        Half the difference of both directions; else the flow from before to after alone.
    """

    name: str
    is_symmetric: bool

    def fill(self, stack: Stack, targets: Sequence[int]) -> Planes:
        """Warp both neighbours towards the target and blend them."""
        planes = []
        for target in targets:
            lower, upper = stack.neighbours(target)
            before, after = lower[-1], upper[0]
            flow = stack.flow if self.is_symmetric else stack.plain_flow
            a, b = stack.planes[before], stack.planes[after]
            planes.append(morph(a, b, stack.fraction(target), flow(before, after)))
        return np.stack(planes)


def classical_fillers() -> tuple[Filler, ...]:
    """Every classical filler, simplest first."""
    return (
        WeightFiller("nearest", weights.nearest),
        WeightFiller("linear", weights.linear),
        PchipFiller(),
        WeightFiller("cubic", weights.cubic),
        WeightFiller("spline", weights.spline),
        WeightFiller("lanczos", weights.lanczos),
        FlowFiller("flow", is_symmetric=False),
        FlowFiller("symmetric_flow", is_symmetric=True),
    )
