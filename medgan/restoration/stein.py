"""How wrong denoised images are, without the truth: Stein's unbiased risk estimate.

For an image y = x + n with white Gaussian noise of variance s^2 and denoisers f, g,

    E (f(y) - x)(g(y) - x) = E (f(y) - y)(g(y) - y) + s^2 (div f / N + div g / N - 1),

so that the mean products of *true* errors, and with them the best mixture and what it gains, follow
from what can be seen (Stein 1981, theorem 1; for mixtures Blu and Luisier 2007, SURE-LET). The
divergence is measured with a probe b of random signs: div f = b . (f(y + e b) - f(y)) / e (Ramani,
Blu and Unser 2008, theorem 2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.data.streams import stream
from medgan.restoration.denoisers import Denoiser, Planes
from medgan.restoration.mixture import error_matrix

PROBE = 0.1
"""Size of the probe, e, in units of sigma: small beside the noise, large beside rounding."""

Matrix = NDArray[np.float64]


def risk_matrix(
    planes: Planes, denoisers: Sequence[Denoiser], sigma: float
) -> tuple[Matrix, list[Planes]]:
    """Estimate the mean products of the denoisers' true errors.

    Parameters
    ----------
    planes
        (n, h, w) the scan, or a block of it.
    denoisers
        Candidates.
    sigma
        Noise level, in the unit of the planes.

    Returns
    -------
    tuple
        (f, f), positive semi-definite, its diagonal the mean squared errors; and what each made.
    """
    signs = stream(0, "probe").integers(0, 2, planes.shape, dtype=np.int8)
    probe = (2 * signs - 1).astype(np.float32)
    step = np.float32(PROBE * sigma)
    made, divergence = [], []
    for denoiser in denoisers:
        one = denoiser(planes, sigma)
        moved = denoiser(planes + step * probe, sigma)
        made.append(one)
        divergence.append(float(np.mean(probe * (moved - one), dtype=np.float64)) / float(step))
    d = np.array(divergence)
    seen = error_matrix(np.stack(made) - planes)
    return _feasible(seen + sigma**2 * (d[:, None] + d[None] - 1)), made


def _feasible(matrix: Matrix) -> Matrix:
    """Return the nearest matrix that errors can have: an estimate may stray from it."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray((vectors * np.maximum(values, 0)) @ vectors.T)
