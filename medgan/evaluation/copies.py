"""Find virtual images that are a training image again, or the same as another virtual one.

A distance between distributions praises copies: blends of two training volumes reached the KID of
real data and were 99 % copies. So every sample is searched for among the training images.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from medgan.evaluation.image_set import ImageSet

# Coarse shape and brightness are shared by all images of one organ, and the finest grain is noise:
# what lies between two Gaussians of so many voxels tells persons apart. Without the lower one,
# images that are merely blurred are called copies (hippocampus: 15 % of blurred test images, 3 %
# with it).
FINE_SIGMA, COARSE_SIGMA = 1.0, 2.0

MARGIN = 0.02
"""Above the best match of any held-out real image; honest samples stay well below it."""


@dataclass(frozen=True)
class Copy:
    """A virtual image that is nearer to a training image than held-out real images come.

    Parameters
    ----------
    name, source
        Names of the virtual and of the training image.
    correlation
        Best correlation of their fine structure.
    """

    name: str
    source: str
    correlation: float


@dataclass(frozen=True)
class CopySearch:
    """What the search for copies found.

    Parameters
    ----------
    threshold
        Largest correlation of a held-out real image with any training image, plus 0.02.
    copies
        Beyond the threshold, most alike first.
    copy_share, duplicate_share
        Of all virtual images: beyond it with a training image; with another virtual image.
    real_duplicate_share
        The same of held-out real images with each other.
    nearest_median, held_out_median
        Median over images of the correlation with the nearest training image.
    """

    threshold: float
    copies: tuple[Copy, ...]
    copy_share: float
    duplicate_share: float
    real_duplicate_share: float
    nearest_median: float
    held_out_median: float


def find_copies(fake: ImageSet, train: ImageSet, held_out: ImageSet | None) -> CopySearch:
    """Search virtual images for copies of training images and of each other.

    Parameters
    ----------
    fake
        The virtual images.
    train
        What the generator was, or may have been, trained on.
    held_out
        Real images it was not trained on; they say how near honest images come. None: each
        training image is compared with the others instead.

    Notes
    -----
    Images with more than 65 536 voxels are averaged over blocks first: a copy is one at half
    resolution too.
    """
    virtual, known = fine_structure(fake), fine_structure(train)
    real = known if held_out is None else fine_structure(held_out)
    keys, itself = keys_of(known), np.eye(len(real), dtype=bool)
    nearest, at = best_match(virtual, keys)
    honest, _ = best_match(real, keys, itself if held_out is None else None)
    among_real, _ = best_match(real, keys_of(real), itself)
    among_virtual, _ = best_match(virtual, keys_of(virtual), np.eye(len(virtual), dtype=bool))
    threshold = float(honest.max()) + MARGIN
    found = [
        Copy(fake.names[i], train.names[int(at[i])], float(nearest[i]))
        for i in np.argsort(-nearest)
        if nearest[i] > threshold
    ]
    return CopySearch(
        threshold=threshold,
        copies=tuple(found),
        copy_share=len(found) / len(fake),
        duplicate_share=float((among_virtual > threshold).mean()),
        real_duplicate_share=float((among_real > threshold).mean()),
        nearest_median=float(np.median(nearest)),
        held_out_median=float(np.median(honest)),
    )


def fine_structure(images: ImageSet) -> NDArray[np.float32]:
    """Return what tells one image from another: band-pass filtered images (n, *S)."""
    small = images.shrunk().images
    fine = np.empty_like(small, dtype=np.float32)
    for i, image in enumerate(small):
        fine[i] = gaussian_filter(image, FINE_SIGMA) - gaussian_filter(image, COARSE_SIGMA)
    return fine


def keys_of(pool: NDArray[np.float32]) -> Tensor:
    """Return what queries are compared with, (m, V): fine structure (m, *S) without its border."""
    inner = (slice(None), *(slice(1, -1) for _ in range(pool.ndim - 1)))
    return _unit(torch.from_numpy(pool[inner]))


def best_match(
    queries: NDArray[np.float32], keys: Tensor, apart: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the best correlation (n,) of each query (n, *S) with the keys, and with which.

    Over shifts by a voxel and flips along an axis. `apart` (n, m): what is not compared, as a query
    with itself.
    """
    best = torch.full((len(queries), len(keys)), -1.0)
    for window in _windows(torch.from_numpy(queries)):
        torch.maximum(best, _correlations(window.flatten(1), keys), out=best)
    if apart is not None:
        best[torch.from_numpy(apart)] = -1.0
    value, at = best.max(dim=1)
    return value.numpy(), at.numpy()


def _windows(queries: Tensor) -> Iterator[Tensor]:
    """Yield the inner part of all queries, moved by -1, 0, 1 voxel flipped or not."""
    axes = range(1, queries.ndim)
    for flip in [(), *((axis,) for axis in axes)]:
        flipped = queries.flip(flip) if flip else queries
        for shifts in itertools.product((0, 1, 2), repeat=len(axes)):
            window = flipped
            for axis, start in zip(axes, shifts, strict=True):
                window = window.narrow(axis, start, queries.shape[axis] - 2)
            yield window


def _correlations(queries: Tensor, keys: Tensor) -> Tensor:
    """Return correlations (n, m) of queries (n, V) with keys as `_unit` makes them.

    Keys have no mean, so that the queries' own drops out of the products and is left in their
    lengths alone: two passes over all voxels less for each of a hundred windows.
    """
    squares = queries.square().sum(dim=1) - queries.shape[1] * queries.mean(dim=1).square()
    return (queries @ keys.T) / squares.clamp_min(1e-24).sqrt()[:, None]


def _unit(images: Tensor) -> Tensor:
    """(n, *S) to (n, V): no mean, length 1, so that a product is a correlation."""
    flat = images.flatten(1)
    flat = flat - flat.mean(dim=1, keepdim=True)
    unit: Tensor = flat / flat.norm(dim=1, keepdim=True).clamp_min(1e-12)
    return unit
