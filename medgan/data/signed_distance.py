"""Label maps as smooth channels and back: tanh of the signed distance to each class's border.

A generator makes soft numbers; hard one-hot labels would give it away by softness alone. Signed
distances are soft on both sides, and their zero is the border of the class.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SOFTNESS_VOXELS = 1.5
"""Distance at which tanh has reached .76: about the width of a partial-volume border."""


def encode(labels: NDArray[np.integer], values: Sequence[int]) -> NDArray[np.float32]:
    """Turn a label map into one channel a class, in -1..1, positive inside.

    Parameters
    ----------
    labels
        (*S), 2D or 3D.
    values
        Label values of the classes, background left out. A class that is absent is -1 everywhere.

    Returns
    -------
    (K, *S); tanh(d / 1.5), d in voxels from the border between voxels, so that no voxel is 0.
    """
    channels = [np.tanh(_signed_distance(labels == v) / SOFTNESS_VOXELS) for v in values]
    return np.stack(channels).astype(np.float32) if channels else np.zeros((0, *labels.shape), "f4")


def decode(
    channels: NDArray[np.floating], values: Sequence[int], offsets: Sequence[float] | None = None
) -> NDArray[np.uint8]:
    """Turn channels into a label map: the class with the largest value, where that is above 0.

    Parameters
    ----------
    channels
        (K, *S) in -1..1, as `encode` or a generator makes them.
    values
        Label values of the classes, 1..255.
    offsets
        Added to each channel first; see `data.calibration`.
    """
    if not values:
        return np.zeros(channels.shape[1:], np.uint8)
    shape = (-1,) + (1,) * (channels.ndim - 1)
    raised = channels + np.asarray(offsets or [0.0] * len(values)).reshape(shape)
    lookup = np.array([0, *values], np.uint8)
    return lookup[np.where(raised.max(axis=0) > 0, raised.argmax(axis=0) + 1, 0)]


def keep_largest_parts(labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Keep the largest connected part (by faces) of every class; the rest becomes background."""
    kept = np.zeros_like(labels)
    for value in np.unique(labels[labels > 0]):
        parts, n_parts = ndimage.label(labels == value)
        largest = np.bincount(parts.ravel(), minlength=n_parts + 1)[1:].argmax() + 1
        kept[parts == largest] = value
    return kept


def _signed_distance(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Distance of every voxel centre from the nearest face between inside and outside, in voxels.

    The transform measures to the nearest centre of the other side; its border is half a voxel
    nearer. Without any border the distance is infinite.
    """
    if mask.all() or not mask.any():
        return np.full(mask.shape, np.inf if mask.any() else -np.inf)
    inside = ndimage.distance_transform_edt(mask)
    outside = ndimage.distance_transform_edt(~mask)
    signed: NDArray[np.float64] = np.where(mask, inside - 0.5, 0.5 - outside)
    return signed
