"""Interpolation as weights on neighbours at true positions: one row of weights per method.

Each function takes the ascending positions `x` of up to six measured slices (three on each side)
and the place `at` between the middle two, and returns weights that sum to one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

Weights = NDArray[np.float64]


def nearest(x: Weights, at: float) -> Weights:
    """Return one for the nearest slice; the earlier one on a tie."""
    weights = np.zeros(len(x))
    weights[np.argmin(np.abs(x - at))] = 1
    return weights


def linear(x: Weights, at: float) -> Weights:
    """Weights of the straight line through the slice before and the slice after."""
    weights = np.zeros(len(x))
    after = int(np.searchsorted(x, at))
    t = (at - x[after - 1]) / (x[after] - x[after - 1])
    weights[after - 1 : after + 1] = 1 - t, t
    return weights


def cubic(x: Weights, at: float) -> Weights:
    """Weights of the polynomial through the two nearest slices on each side (Lagrange)."""
    weights = np.zeros(len(x))
    after = int(np.searchsorted(x, at))
    inner = slice(max(after - 2, 0), after + 2)
    weights[inner] = _lagrange(x[inner], at)
    return weights


def spline(x: Weights, at: float) -> Weights:
    """Weights of the not-a-knot cubic spline through all of `x`; the polynomial below four."""
    if len(x) < 4:
        return _lagrange(x, at)
    weights: Weights = CubicSpline(x, np.eye(len(x)))(at)
    return weights


def lanczos(x: Weights, at: float) -> Weights:
    """Windowed sinc with three lobes, stretched to the gap and normalised (Duchon 1979)."""
    after = int(np.searchsorted(x, at))
    distance = (x - at) / (x[after] - x[after - 1])
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0.0)
    return np.asarray(weights / weights.sum())


def _lagrange(x: Weights, at: float) -> Weights:
    weights = np.ones(len(x))
    for i in range(len(x)):
        others = np.delete(x, i)
        weights[i] = np.prod((at - others) / (x[i] - others))
    return weights
