"""An estimate with its standard error, by the delete-d jackknife.

Never by a bootstrap with replacement: copies of one image enter the off-diagonal kernel sums of an
unbiased MMD and bias every replicate upwards.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

KEPT_SHARE = 0.8
ROUNDS = 200


@dataclass(frozen=True)
class Estimate:
    """A figure and its standard error."""

    value: float
    se: float


def subsets(n: int, rng: np.random.Generator, rounds: int = ROUNDS) -> NDArray[np.bool_]:
    """Draw subsets of `n` without replacement: (rounds, n) True where an element is kept."""
    n_kept = min(n - 1, max(2, round(KEPT_SHARE * n)))
    return rng.permuted(np.tile(np.arange(n) < n_kept, (rounds, 1)), axis=1)


def standard_error(replicates: NDArray[np.float64], n: int) -> float:
    """Return the standard error from the figure on each of the `subsets` of n.

    Notes
    -----
    Delete-d jackknife (Shao and Wu 1989): for kept share f the spread of the replicates is scaled
    by sqrt(f / (1 - f)), exact for a mean.
    """
    n_kept = min(n - 1, max(2, round(KEPT_SHARE * n)))
    return float(replicates.std(ddof=1) * np.sqrt(n_kept / (n - n_kept)))
