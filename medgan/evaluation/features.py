"""What distribution metrics measure in: features of random convolutional networks.

No pretrained weights: networks trained on photographs are not at hand offline, exist in 2D only,
and were not made for scans. Three networks with fixed random weights stand in, so that figures of
different runs can be compared. They see texture above all; a trained encoder (`segmenter.py`)
stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from medgan.evaluation.image_set import ImageSet

Features = NDArray[np.float64]

N_NETS = 3
CHANNELS = (16, 32, 64, 64)
# Standardised features are heavy-tailed; beyond this many standard deviations they are cut, or one
# odd image decides the cubic kernel.
CLIP = 6.0
BATCH = 16


def random_features(
    images: ImageSet, classes: Sequence[int] = (), n_nets: int = N_NETS
) -> tuple[Features, ...]:
    """Return features (n, d) of each of `n_nets` random networks.

    Parameters
    ----------
    images
        The set.
    classes
        Label values to show the networks as one-hot channels beside the image; empty: image only.
    n_nets
        How many networks, each with its own fixed weights.

    Notes
    -----
    Four convolutions of kernel 3 and stride 2 with He-normal weights and leaky ReLU of slope 0.2.
    Per layer the mean and standard deviation over space of each channel; of the last layer also
    its means over a coarse grid of blocks of about 16 voxels.
    """
    spatial_dims = len(images.shape)
    nets = [_weights(net, 1 + len(classes), spatial_dims) for net in range(n_nets)]
    parts: list[list[NDArray[np.float32]]] = [[] for _ in nets]
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = as_tensor(images, slice(start, start + BATCH), classes)
            for net, part in zip(nets, parts, strict=True):
                part.append(_describe(batch, net).numpy())
    return tuple(np.concatenate(part).astype(np.float64) for part in parts)


def as_tensor(images: ImageSet, part: slice, classes: Sequence[int]) -> Tensor:
    """Return (b, 1 + len(classes), *S) float32: the image in -1..1, then one-hot labels in 0..1."""
    channels = [torch.from_numpy(np.ascontiguousarray(images.images[part], dtype=np.float32))]
    if classes and images.labels is not None:
        labels = images.labels[part]
        channels += [torch.from_numpy((labels == value).astype(np.float32)) for value in classes]
    return torch.stack(channels, dim=1)


def pooled(x: Tensor) -> Tensor:
    """Return mean and standard deviation over space of each channel: (b, C, *S) to (b, 2 C)."""
    flat = x.flatten(2)
    return torch.cat([flat.mean(dim=2), flat.std(dim=2, unbiased=False)], dim=1)


def _weights(net: int, channels: int, spatial_dims: int) -> list[Tensor]:
    rng = np.random.default_rng((net, channels, spatial_dims))
    weights = []
    for n_in, n_out in zip((channels, *CHANNELS), CHANNELS, strict=False):
        fan_in = n_in * 3**spatial_dims
        kernel = rng.standard_normal((n_out, n_in) + (3,) * spatial_dims) * np.sqrt(2 / fan_in)
        weights.append(torch.from_numpy(kernel.astype(np.float32)))
    return weights


def _describe(x: Tensor, weights: list[Tensor]) -> Tensor:
    spatial_dims = x.ndim - 2
    convolve = functional.conv2d if spatial_dims == 2 else functional.conv3d
    pool = functional.adaptive_avg_pool2d if spatial_dims == 2 else functional.adaptive_avg_pool3d
    coarse: Any = tuple(max(1, min(4, round(side / 16))) for side in x.shape[2:])
    described = []
    for kernel in weights:
        x = functional.leaky_relu(convolve(x, kernel, stride=2, padding=1), 0.2)
        described.append(pooled(x))
    return torch.cat([*described, pool(x, coarse).flatten(1)], dim=1)


@dataclass(frozen=True)
class Standard:
    """Mean and spread of features in a reference set, to bring others onto the same scale."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    kept: NDArray[np.bool_]

    @classmethod
    def of(cls, reference: Features) -> Standard:
        """Learn from (n, d); features that never vary there are left out."""
        spread = reference.std(axis=0, ddof=1)
        kept = spread > 1e-6 * max(float(spread.max()), 1e-30)
        return cls(reference.mean(axis=0)[kept], spread[kept], kept)

    def __call__(self, features: Features) -> Features:
        """Return standardised features, clipped at +-6."""
        return np.clip((features[:, self.kept] - self.mean) / self.spread, -CLIP, CLIP)


def standardised(
    reference: Sequence[Features], *others: Sequence[Features]
) -> list[tuple[Features, ...]]:
    """Bring groups of features onto the scale of `reference`, network by network.

    Each group holds the features (n, d) of every network; so does each that is returned, the
    reference first.
    """
    scales = [Standard.of(features) for features in reference]
    return [
        tuple(scale(features) for scale, features in zip(scales, group, strict=True))
        for group in (reference, *others)
    ]
