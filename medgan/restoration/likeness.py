"""How alike two slices are, and mean squared errors as decibels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.evaluation.fidelity import ssim

PERFECT_DB = 100.0
"""PSNR of estimates without error; infinity is no number in a table."""


@dataclass(frozen=True)
class Likeness:
    """How alike two planes are.

    Parameters
    ----------
    mse
        Mean squared difference, in units of the range.
    ssim
        Structural similarity.
    """

    mse: float
    ssim: float

    @classmethod
    def of(cls, a: NDArray[np.float32], b: NDArray[np.float32]) -> Self:
        """Compare two planes (h, w) on the fillers' scale."""
        return cls(float(np.mean(np.square(a - b))), ssim(a, b, 1.0))


def decibels(mse: float) -> float:
    """PSNR of a mean squared error in units of the range."""
    return min(PERFECT_DB, -10 * math.log10(max(mse, 1e-10)))


def mean_ssim(likeness: Sequence[Likeness]) -> float:
    """Return the mean SSIM; 0 of planes that are smaller than its window."""
    finite = [each.ssim for each in likeness if math.isfinite(each.ssim)]
    return float(np.mean(finite)) if finite else 0.0
