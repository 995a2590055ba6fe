"""Octave bands of an image, how large they are, and the image with each stronger or weaker."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor

SIGMAS = (0.6, 1.2, 2.4)
"""A band lies between two blurs, standard deviations in voxels; the first starts at none."""

N_BANDS = len(SIGMAS)

TINY = 1e-6
"""Floor of sizes, of which the logarithm is taken."""


def split(images: Tensor) -> list[Tensor]:
    """Return the bands (B, C, *S) of images in 2D or 3D, the finest first; what is coarser is left.

    Differences of Gaussian blurs, each an octave wide (Burt and Adelson 1983, there with every
    second voxel dropped after each blur); borders are repeated.
    """
    levels = [images, *(blur(images, sigma) for sigma in SIGMAS)]
    return [fine - coarse for fine, coarse in pairwise(levels)]


def log_sizes(images: Tensor) -> Tensor:
    """Return the logarithms of the root mean squares of the bands, (B, N_BANDS)."""
    sizes = [band.square().flatten(1).mean(dim=1).sqrt() for band in split(images)]
    return torch.stack(sizes, dim=1).clamp_min(TINY).log()


def scaled(images: Tensor, log_gains: Tensor) -> Tensor:
    """Return images (B, C, *S) whose bands are multiplied by exp of (B, N_BANDS)."""
    factors = log_gains.exp() - 1
    for band, factor in zip(split(images), factors.T, strict=True):
        images = images + factor.view(-1, *[1] * (images.ndim - 1)) * band
    return images


def blur(images: Tensor, sigma: float) -> Tensor:
    """Smooth images (B, C, *S) by a Gaussian of `sigma` voxels, cut at three sigma or more.

    As a product with a matrix along each axis, which also holds what is done at the borders.
    """
    for axis in range(2, images.ndim):
        weights = _weights(images.shape[axis], sigma).to(images)
        images = (images.movedim(axis, -1) @ weights.T).movedim(-1, axis)
    return images


def _weights(side: int, sigma: float) -> Tensor:
    """Return what each of `side` places (rows) takes of each place (columns)."""
    radius = math.ceil(3 * sigma)
    at = torch.arange(-radius, radius + 1)
    kernel = torch.exp(-(at**2) / (2 * sigma**2))
    taken_from = (torch.arange(side)[:, None] + at).clamp(0, side - 1)
    weights = torch.zeros(side, side)
    return weights.scatter_add_(1, taken_from, (kernel / kernel.sum()).expand(side, -1))
