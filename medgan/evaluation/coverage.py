"""Precision, recall, density and coverage: is each like a real one, is each real one met."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.evaluation.features import Features

NEIGHBOURS = 5


@dataclass(frozen=True)
class Coverage:
    """Shares in 0..1 (density may exceed 1).

    Precision and density praise a generator that always makes the mean image; recall and coverage
    do not.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def coverage(
    real: Sequence[Features], fake: Sequence[Features], neighbours: int = NEIGHBOURS
) -> Coverage:
    """Compare by balls around each image that reach its k-th nearest neighbour of the same set.

    Parameters
    ----------
    real, fake
        Per network the standardised features (n, d) and (m, d); squared distances are averaged
        over networks.
    neighbours
        k; at most the smaller set's size less one is used.

    References
    ----------
    Kynkäänniemi et al. 2019 (precision, recall); Naeem et al. 2020, eq. 3 and 4 (density,
    coverage).
    """
    k = min(neighbours, len(real[0]) - 1, len(fake[0]) - 1)
    real_reach = _reach(_distances(real, real), k)
    fake_reach = _reach(_distances(fake, fake), k)
    across = _distances(real, fake)
    in_real_ball = across <= real_reach[:, None]
    in_fake_ball = across <= fake_reach[None, :]
    return Coverage(
        precision=float(in_real_ball.any(axis=0).mean()),
        recall=float(in_fake_ball.any(axis=1).mean()),
        density=float(in_real_ball.sum(axis=0).mean() / k),
        coverage=float(in_real_ball.any(axis=1).mean()),
    )


def _distances(first: Sequence[Features], second: Sequence[Features]) -> NDArray[np.float64]:
    """Squared distances (n, m), per feature, averaged over networks."""
    total = np.zeros((len(first[0]), len(second[0])))
    for x, y in zip(first, second, strict=True):
        squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :]
        total += np.maximum(squares - 2 * x @ y.T, 0) / x.shape[1]
    return total / len(first)


def _reach(within: NDArray[np.float64], k: int) -> NDArray[np.float64]:
    """Squared distance of each image to its k-th neighbour, itself not counted."""
    others = within.copy()
    np.fill_diagonal(others, np.inf)
    reach: NDArray[np.float64] = np.partition(others, k - 1, axis=1)[:, k - 1]
    return reach
