"""Fit a linear prior: principal axes of all channels together, by the small matrix of cases."""

from __future__ import annotations

import torch
from torch import Tensor

from medgan.networks.prior import LinearPrior

LEAST_SPREAD = 1e-6
"""A voxel that never varies is given this standard deviation: its quantiles are all the same."""

CHUNK = 2**16


def fit_prior(samples: Tensor, n_modes: int | None = None, n_quantiles: int = 256) -> LinearPrior:
    """Fit mean, modes and the marginals of the image.

    Parameters
    ----------
    samples
        (n, C, *S) in -1..1, channel 0 the image; n at least 2.
    n_modes
        How many modes to keep; None: all n - 1, and the prior stores the samples.
    n_quantiles
        At most so many values for the distribution of a voxel; never more than n.
    """
    n, channels, *shape = samples.shape
    flat = samples.float().flatten(1)
    mean = flat.mean(dim=0)
    modes = principal_modes(flat - mean, min(n_modes or n - 1, n - 1))
    network = LinearPrior(len(shape), channels, shape, len(modes), min(n_quantiles, n))
    image = flat[:, : network.n_image]
    levels = torch.linspace(0, 1, len(network.quantiles))
    network.load_state_dict(
        {
            "mean": mean,
            "modes": modes,
            # Of the modes and not of the samples: what is left out by fewer modes does not vary.
            "spread": modes[:, : network.n_image].norm(dim=0).clamp_min(LEAST_SPREAD),
            "quantiles": _quantiles(image, levels),
        }
    )
    return network.eval()


def principal_modes(centred: Tensor, n_modes: int) -> Tensor:
    """Return the first principal axes times their standard deviations, (n_modes, D).

    Parameters
    ----------
    centred
        (n, D) with mean zero; D may be millions, n a few hundred.
    n_modes
        At most n - 1.

    Notes
    -----
    By the n x n matrix of inner products and never by the D x D covariance. With all n - 1 modes,
    M^T M is the sample covariance (over n - 1) exactly. The sign of a mode is settled by its
    largest weight, so that one training set gives one prior.
    """
    products = centred.new_zeros(len(centred), len(centred), dtype=torch.float64)
    for part in torch.split(centred, CHUNK, dim=1):  # all of it as float64 may not fit
        products += part.double() @ part.double().T
    _, vectors = torch.linalg.eigh(products)
    weights = vectors.flip(1)[:, :n_modes]
    largest = weights.gather(0, weights.abs().argmax(dim=0, keepdim=True))
    weights = weights * largest.sign()
    modes: Tensor = weights.T.to(centred.dtype) @ centred / (len(centred) - 1) ** 0.5
    return modes.float()


def _quantiles(values: Tensor, levels: Tensor) -> Tensor:
    """Return quantiles (Q, V) of each column of (n, V), linear between order statistics."""
    ordered = values.sort(dim=0).values
    at = levels * (len(values) - 1)
    below = at.floor().clamp(0, len(values) - 2).long()
    low, high = ordered[below], ordered[below + 1]
    quantiles: Tensor = low + (at - below)[:, None] * (high - low)
    return quantiles
