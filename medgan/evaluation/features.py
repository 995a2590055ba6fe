"""What distribution metrics measure in: features of random convolutional networks.

Three networks with fixed random weights (`random_net.py`), so that figures of different runs
can be compared. They see texture above all; a trained encoder (`segmenter.py`) stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.random_net import features_of, random_kernels

Features = NDArray[np.float64]

N_NETS = 3
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
    """
    spatial_dims = len(images.shape)
    nets = [random_kernels(net, 1 + len(classes), spatial_dims) for net in range(n_nets)]
    parts: list[list[NDArray[np.float32]]] = [[] for _ in nets]
    with torch.no_grad():
        for start in range(0, len(images), BATCH):
            batch = as_tensor(images, slice(start, start + BATCH), classes)
            for net, part in zip(nets, parts, strict=True):
                part.append(features_of(batch, net).numpy())
    return tuple(np.concatenate(part).astype(np.float64) for part in parts)


def as_tensor(images: ImageSet, part: slice, classes: Sequence[int]) -> Tensor:
    """Return (b, 1 + len(classes), *S) float32: the image in -1..1, then one-hot labels in 0..1."""
    channels = [torch.from_numpy(np.ascontiguousarray(images.images[part], dtype=np.float32))]
    if classes and images.labels is not None:
        labels = images.labels[part]
        channels += [torch.from_numpy((labels == value).astype(np.float32)) for value in classes]
    return torch.stack(channels, dim=1)


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
