"""A non-negative mixture of fillers, weighted by how they did on hidden slices of this scan.

Errors of different fillers are only partly alike, so a mixture does better than its best member;
shrinking it towards a prior keeps a few hidden slices from deciding too much.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

SHRINKAGE = 0.01
"""lam in w'Gw + lam |w - prior|^2, with G scaled to a mean diagonal of one."""

ADMITTED = 2.0
"""Standard errors of its mean gain by which a newcomer has to better the mixture."""
LEAST_WINDOWS = 3
"""Windows from which a newcomer can be judged."""
TINY = 1e-30

Matrix = NDArray[np.float64]


def error_matrix(errors: NDArray[np.float32]) -> Matrix:
    """Return the mean products of the fillers' errors, (f, f).

    Parameters
    ----------
    errors
        (f, ...) estimate - truth of every filler on the same hidden voxels.
    """
    flat = errors.reshape(len(errors), -1).astype(np.float64)
    return flat @ flat.T / flat.shape[1]


def mixture_weights(
    matrices: Sequence[Matrix], prior: Matrix, baseline: int, sizes: Sequence[int] | None = None
) -> Matrix:
    """Return weights w >= 0, sum 1, minimising w'Gw + lam |w - prior|^2.

    Parameters
    ----------
    matrices
        One `error_matrix` per hidden window; each is scaled by its trace before averaging, so that
        no window counts more for being harder.
    prior
        (f,) where the weights are drawn to: non-negative, sum 1.
    baseline
        Index of what is to be beaten, e.g. linear interpolation. What loses to it on the hidden
        slices gets no weight, however its errors correlate: neither one that loses with every
        window counted alike, nor one that loses in mean squared error over all slices, which is
        what is shown.
    sizes
        Slices in each window; None if all have as many.
    """
    n = len(prior)
    G = np.mean([matrix * (n / max(np.trace(matrix), TINY)) for matrix in matrices], axis=0)
    shown = np.average([np.diag(matrix) for matrix in matrices], axis=0, weights=sizes)
    alike = np.diag(G)
    fair = (alike <= alike[baseline] * (1 + 1e-9)) & (shown <= shown[baseline] * (1 + 1e-9))
    anchor = prior * fair
    if not anchor.any():  # the favourite lost to linear: the best here takes its place
        anchor[np.argmin(np.where(fair, alike, np.inf))] = 1
    anchor /= anchor.sum()
    weights = np.zeros(n)
    weights[fair] = _simplex_minimum(G[np.ix_(fair, fair)], anchor[fair])
    return weights


def admitted_weights(
    matrices: Sequence[Matrix],
    prior: Matrix,
    baseline: int,
    sizes: Sequence[int],
    newcomer: int,
) -> Matrix:
    """Return the weights of a mixture that one filler has to earn its place in.

    Each window is left out once, and mixtures with and without the newcomer are weighed on the
    others. It is admitted if its mean gain on the windows left out is above `ADMITTED` standard
    errors; else its weight is 0.

    Parameters
    ----------
    matrices, prior, baseline, sizes
        As `mixture_weights` takes them, with the newcomer.
    newcomer
        Its index.
    """
    everybody = list(range(len(prior)))
    without = [filler for filler in everybody if filler != newcomer]
    every = range(len(matrices))

    def weights(fillers: list[int], windows: Sequence[int]) -> Matrix:
        shares = np.zeros(len(prior))
        shares[fillers] = mixture_weights(
            [matrices[w][np.ix_(fillers, fillers)] for w in windows],
            prior[fillers],
            fillers.index(baseline),
            [sizes[w] for w in windows],
        )
        return shares

    def gain(left: int) -> float:
        others = [w for w in every if w != left]
        before, after = (weights(f, others) for f in (without, everybody))
        errors = [max(float(w @ matrices[left] @ w), TINY) for w in (before, after)]
        return math.log(errors[0] / errors[1])

    if len(matrices) < LEAST_WINDOWS:
        return weights(without, every)
    gains = [gain(left) for left in every]
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    return weights(everybody if np.mean(gains) > ADMITTED * error else without, every)


def _simplex_minimum(G: Matrix, prior: Matrix) -> Matrix:
    """Minimise w'Gw + lam |w - prior|^2 over the simplex.

    With w'Gw + lam |w|^2 = |R w|^2 (Cholesky), this is non-negative least squares with one heavy
    row for the sum.
    """
    n = len(prior)
    R = np.linalg.cholesky(G + SHRINKAGE * np.eye(n)).T
    pull = np.linalg.solve(R.T, SHRINKAGE * prior)
    heavy = 1e4
    A = np.vstack([R, heavy * np.ones((1, n))])
    weights, _ = nnls(A, np.concatenate([pull, [heavy]]))
    return np.asarray(weights / weights.sum())
