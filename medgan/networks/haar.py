"""One level of the orthonormal Haar wavelet in 2D and 3D: half the grid, 2^D times the channels.

Convolutions then run over 2^D times fewer places, and fine detail has channels of its own. The
inverse is exact, and white noise stays white.
"""

from __future__ import annotations

import torch
from torch import Tensor


def haar(images: Tensor) -> Tensor:
    """Return the bands (B, C 2^D, *S / 2) of images (B, C, *S); the first C are 2^(D/2) x means.

    Raises
    ------
    ValueError
        If a side is odd.
    """
    if any(side % 2 for side in images.shape[2:]):
        raise ValueError(f"sides {tuple(images.shape[2:])} must be even")
    for dim in range(2, images.ndim):
        even, odd = (images[(slice(None),) * dim + (slice(at, None, 2),)] for at in (0, 1))
        images = torch.cat([even + odd, even - odd], dim=1) * 0.5**0.5
    return images


def unhaar(bands: Tensor) -> Tensor:
    """Return the images (B, C, *S) of bands (B, C 2^D, *S / 2)."""
    for dim in reversed(range(2, bands.ndim)):
        mean, difference = bands.chunk(2, dim=1)
        pair = torch.stack([mean + difference, mean - difference], dim=dim + 1)
        bands = pair.flatten(dim, dim + 1) * 0.5**0.5
    return bands
