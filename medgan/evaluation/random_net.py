"""Convolutional networks with random weights, and what they see in images: nothing is trained.

No pretrained weights: networks trained on photographs are not at hand offline, exist in 2D only,
and were not made for scans.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

CHANNELS = (16, 32, 64, 64)


def random_kernels(net: int, channels: int, spatial_dims: int) -> list[Tensor]:
    """Return the He-normal weights of network number `net`; the same number gives the same."""
    rng = np.random.default_rng((net, channels, spatial_dims))
    kernels = []
    for n_in, n_out in zip((channels, *CHANNELS), CHANNELS, strict=False):
        fan_in = n_in * 3**spatial_dims
        kernel = rng.standard_normal((n_out, n_in) + (3,) * spatial_dims) * np.sqrt(2 / fan_in)
        kernels.append(torch.from_numpy(kernel.astype(np.float32)))
    return kernels


def features_of(x: Tensor, kernels: Sequence[Tensor]) -> Tensor:
    """Return what a network sees in images (b, C, *S), a row each.

    Notes
    -----
    Convolutions of kernel 3 and stride 2 with leaky ReLU of slope 0.2. Per layer the mean and
    standard deviation over space of each channel; of the last layer also its means over a coarse
    grid of blocks of about 16 voxels.
    """
    spatial_dims = x.ndim - 2
    convolve = functional.conv2d if spatial_dims == 2 else functional.conv3d
    pool = functional.adaptive_avg_pool2d if spatial_dims == 2 else functional.adaptive_avg_pool3d
    coarse: Any = tuple(max(1, min(4, round(side / 16))) for side in x.shape[2:])
    described = []
    for kernel in kernels:
        x = functional.leaky_relu(convolve(x, kernel, stride=2, padding=1), 0.2)
        described.append(pooled(x))
    return torch.cat([*described, pool(x, coarse).flatten(1)], dim=1)


def pooled(x: Tensor) -> Tensor:
    """Return mean and standard deviation over space of each channel: (b, C, *S) to (b, 2 C)."""
    flat = x.flatten(2)
    return torch.cat([flat.mean(dim=2), flat.std(dim=2, unbiased=False)], dim=1)
