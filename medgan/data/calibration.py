"""Label thresholds by which virtual labels have, on average, the volume of real ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LARGEST_OFFSET = 0.95
"""Channels lie in -1..1: an offset of 1 would raise voxels that are as far outside as can be."""
N_ROUNDS = 6


def calibrate(channels: NDArray[np.floating], volumes: Sequence[float]) -> tuple[float, ...]:
    """Find the offset of each class at which its mean volume is the wanted one.

    Parameters
    ----------
    channels
        (n, K, *S), label channels of n samples, in -1..1.
    volumes
        (K,) wanted mean number of voxels.

    Returns
    -------
    (K,) offsets for `signed_distance.decode`, within +-0.95.

    Notes
    -----
    A voxel is of class k where x_k + o_k > m, m being the largest of 0 and the other raised
    channels. So o_k is an order statistic of m - x_k; the classes are set in turn, as each one's m
    depends on the others' offsets.
    """
    n, n_classes = channels.shape[:2]
    offsets = np.zeros(n_classes)
    for _ in range(N_ROUNDS if n_classes > 1 else 1):
        for k in range(n_classes):
            # One class at a time: all of them as float64 are many times the samples themselves.
            needed = np.zeros(channels[:, k].shape)
            for j in range(n_classes):
                if j != k:
                    np.maximum(needed, channels[:, j] + offsets[j], out=needed)
            needed -= channels[:, k]
            rank = int(np.clip(round(volumes[k] * n), 1, needed.size - 1))
            # Halfway between the last voxel that is wanted and the first that is not.
            flat = needed.reshape(-1)
            flat.partition([rank - 1, rank])
            threshold = flat[rank - 1 : rank + 1].mean()
            offsets[k] = np.clip(threshold, -LARGEST_OFFSET, LARGEST_OFFSET)
    return tuple(round(float(offset), 6) for offset in offsets)
