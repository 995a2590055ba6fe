"""An expected value with the range a new one will lie in, from a handful of figures alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from medgan.record import Interval

LEAST = 3
"""Figures from which a range is told."""


@dataclass(frozen=True)
class Tails:
    """How far a true figure lies from the mean of hidden ones, measured on other scans.

    Parameters
    ----------
    middle, low, high
        Mean, 5th and 95th percentile of true - mean.
    """

    middle: float
    low: float
    high: float

    def interval(self, figures: Sequence[float], ceiling: float) -> Interval | None:
        """Return what is expected of a new figure; None below three figures."""
        if len(figures) < LEAST:
            return None
        mean = float(np.mean(figures))
        value, low, high = (
            round(min(mean + off, ceiling), 4) for off in (self.middle, self.low, self.high)
        )
        return Interval(value, low, high)


def prediction_interval(figures: Sequence[float], ceiling: float) -> Interval | None:
    """Return the mean with the 90 % prediction interval of one more figure of the sort.

    mean +- t(0.95, n - 1) s sqrt(1 + 1/n), the interval for normal figures (e.g. Hahn and Meeker
    1991, Statistical Intervals, section 4.7). Not calibrated on other scans, unlike what is
    expected of slices between others. None below three figures.
    """
    n = len(figures)
    if n < LEAST:
        return None
    middle = float(np.mean(figures))
    half = float(t.ppf(0.95, n - 1) * np.std(figures, ddof=1) * np.sqrt(1 + 1 / n))
    low, value, high = (round(min(v, ceiling), 4) for v in (middle - half, middle, middle + half))
    return Interval(value, low, high)
