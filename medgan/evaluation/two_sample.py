"""Can a simple classifier tell virtual images from real ones? The classifier two-sample test."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from medgan.evaluation.features import Features
from medgan.evaluation.jackknife import Estimate

RIDGE = 0.1


def two_sample_auc(
    train: Sequence[Features],
    test: Sequence[Features],
    fake: Sequence[Features],
    rng: np.random.Generator,
) -> Estimate:
    """Return how well a linear rule tells fake from real on images it has not seen.

    Parameters
    ----------
    train, test
        Per network the features (n, d) of real images: the rule is learnt on the first and judged
        on the second.
    fake
        The same of virtual images; one random half is learnt on, the other judged, and then the
        halves change places.
    rng
        Draws the halves.

    Returns
    -------
    Estimate
        Area under the ROC curve: 0.5 cannot be told apart, 1 always. At 1.0 first suspect that
        both were not prepared alike. Standard error by Hanley and McNeil 1982, eq. 1.

    Notes
    -----
    Ridge discriminant: least squares on targets +-1 with balanced classes and penalty 0.1 times the
    mean squared length of an image's features (Lopez-Paz and Oquab 2017 for the test).
    """
    joined = [np.concatenate(list(group), axis=1) for group in (train, test, fake)]
    order = rng.permutation(len(joined[2]))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    areas = []
    for learn, judge in (halves, halves[::-1]):
        score = _discriminant(joined[0], joined[2][learn])
        areas.append(_auc(score(joined[1]), score(joined[2][judge])))
    area = float(np.mean(areas))
    return Estimate(area, _hanley_mcneil(area, len(joined[1]), len(joined[2])))


def _discriminant(first: Features, second: Features) -> Callable[[Features], Features]:
    """Learn a linear score, higher for the second class."""
    centre = (first.mean(axis=0) + second.mean(axis=0)) / 2
    rows = np.concatenate([first, second]) - centre
    sizes = [len(first), len(second)]
    # Each class counts the same in all: rows and targets are weighted by the root of its share.
    root = np.sqrt(np.repeat([len(rows) / (2 * size) for size in sizes], sizes))
    rows = rows * root[:, None]
    gram = rows @ rows.T
    # Features that never vary leave nothing to tell by: no direction, and no fault either.
    gram[np.diag_indices_from(gram)] += max(RIDGE * np.trace(gram) / len(gram), 1e-12)
    direction = rows.T @ np.linalg.solve(gram, root * np.repeat([-1.0, 1.0], sizes))

    def score(features: Features) -> Features:
        scores: Features = (features - centre) @ direction
        return scores

    return score


def auc_with_error(negative: NDArray[np.float64], positive: NDArray[np.float64]) -> Estimate:
    """Return the probability that a positive value (m,) is above a negative one (n,), ties half.

    Standard error by Hanley and McNeil 1982, eq. 1.
    """
    area = _auc(negative, positive)
    return Estimate(area, _hanley_mcneil(area, len(negative), len(positive)))


def _auc(negative: Features, positive: Features) -> float:
    """Probability that a positive scores higher than a negative, ties counted half."""
    ranks = rankdata(np.concatenate([negative, positive]))
    n, m = len(negative), len(positive)
    return float((ranks[n:].sum() - m * (m + 1) / 2) / (n * m))


def _hanley_mcneil(area: float, n_negative: int, n_positive: int) -> float:
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = (
        area * (1 - area) + (n_positive - 1) * (q1 - area**2) + (n_negative - 1) * (q2 - area**2)
    ) / (n_negative * n_positive)
    return float(np.sqrt(max(variance, 0.0)))
