"""Each slice left out and predicted from its neighbours: one figure for every kind of damage."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from medgan.interpolation.stack import Planes
from medgan.restoration.slice_statistics import (
    EPSILON,
    Plane,
    Slice,
    between,
    bright_in_both,
    content,
    displacement,
    gain,
    ghost,
    lost,
    rms,
    stripes,
)

N_KEPT = 12
"""Slices whose derived planes are kept: more than lie in one neighbourhood."""
EXACT = 1e-3
"""Share of the range below which two slices are the same."""


class Figures(NamedTuple):
    """How a slice lies between its neighbours; each rises with one kind of damage.

    Parameters
    ----------
    misfit
        Residual against the mean of the neighbours, over the difference between them; logarithm.
    noise, spikes, blurred
        Finest detail over that of the noisier neighbour; Laplacian energy over that of the sharper
        one; that of the less sharp one over the slice's; logarithms.
    drop_out
        Share of the signal's area that went dark.
    dimmed, bright
        Gain against the prediction, logarithm, either sign.
    shifted
        Pixels off the line between the neighbours, times the logarithm of what that explains.
    duplicate
        Difference to the nearer neighbour; logarithm, falling.
    stripes, ghost, saturated
        See `slice_statistics`; the last one as the logarithm over the neighbours' larger share.
    content
        Share of the area that holds signal: no kind of damage, but what tells whether to judge.
    """

    misfit: float
    noise: float
    spikes: float
    blurred: float
    drop_out: float
    dimmed: float
    bright: float
    shifted: float
    duplicate: float
    stripes: float
    ghost: float
    saturated: float
    content: float


KINDS = Figures._fields[:-1]
"""Kinds of damage that a figure tells by itself."""


@dataclass(frozen=True, eq=False)
class LeaveOneOut:
    """Figures of the slices of a stack (n, h, w) of about 0..1, computed when asked for."""

    planes: Planes
    _slices: dict[int, Slice] = field(default_factory=dict, repr=False)
    _figures: dict[tuple[int, int, int], Figures] = field(default_factory=dict, repr=False)

    def figures(self, before: int, position: int, after: int) -> Figures:
        """Return the figures of one slice between two others."""
        key = before, position, after
        if key not in self._figures:
            fraction = (position - before) / (after - before)
            a, x, b = (self._slice(p) for p in key)
            self._figures[key] = compare_slices(a, x, b, fraction)
        return self._figures[key]

    def predict(self, before: int, position: int, after: int) -> Plane:
        """Return the plane (h, w) that the neighbours make one expect, by straight lines."""
        return between(
            self.planes[before], self.planes[after], (position - before) / (after - before)
        )

    def _slice(self, position: int) -> Slice:
        if position not in self._slices:
            if len(self._slices) >= N_KEPT:
                del self._slices[next(iter(self._slices))]
            self._slices[position] = Slice(np.asarray(self.planes[position], dtype=np.float32))
        return self._slices[position]


def compare_slices(before: Slice, here: Slice, after: Slice, fraction: float) -> Figures:
    """Return the figures of a slice a share of the way from one neighbour to the other."""
    a, x, b = before.plane, here.plane, after.plane
    predicted = between(a, b, fraction)
    residual = x - predicted
    across = rms(b - a)
    # Twice the share of the way: 1 in the middle, whatever the distance of the neighbours.
    nearest = min(rms(x - a) / (2 * fraction), rms(x - b) / (2 * (1 - fraction)))
    signal = bright_in_both(a, b)
    factor = gain(x, predicted, signal)
    return Figures(
        misfit=_log_ratio(rms(residual), across),
        noise=_log_ratio(here.noise, max(before.noise, after.noise)),
        spikes=_log_ratio(here.sharpness, max(before.sharpness, after.sharpness)),
        blurred=_log_ratio(min(before.sharpness, after.sharpness), here.sharpness),
        drop_out=lost(x, predicted, signal),
        dimmed=-factor,
        bright=factor,
        shifted=displacement(here, before, after, fraction),
        duplicate=-float(np.log(nearest + EXACT)),
        stripes=stripes(here, before, after, residual),
        ghost=ghost(residual, predicted),
        saturated=_log_ratio(here.saturated, max(before.saturated, after.saturated)),
        content=content(predicted),
    )


def _log_ratio(above: float, below: float) -> float:
    return float(np.log((above + EPSILON) / (below + EPSILON)))
