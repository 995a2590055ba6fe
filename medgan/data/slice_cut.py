"""Labels that people divide between two slices: found in label maps, and given to virtual ones.

Head and body of a hippocampus part where a rater, paging through slices, says so: the border
between them is flat. No smooth displacement keeps it so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.settings import Settings

LARGEST_SHARE = 0.005
"""Of the voxels of the smaller of two labels, on average over maps, so many at most lie on the
other's side of a plane that divides them."""


class SliceCut(Settings):
    """A row of labels that planes between slices divide."""

    axis: int
    """Of the array, which the planes stand on."""
    values: tuple[int, ...]
    """From its beginning to its end."""


def find_cuts(maps: NDArray[np.integer], values: Sequence[int]) -> tuple[SliceCut, ...]:
    """Find the labels that touch as a rule, and that position along an axis tells apart.

    Parameters
    ----------
    maps
        (n, *S), 0 background.
    values
        Labels to look at.

    Returns
    -------
    Rows of such labels, the longest first; no label is in two.
    """
    if len(values) < 2:
        return ()
    touching = np.stack([_touching(labels, values) for labels in maps])
    found: list[SliceCut] = []
    for axis in range(maps.ndim - 1):
        profiles = np.stack([_profiles(labels, values, axis) for labels in maps])
        rows = _rows(profiles, touching)
        found += [SliceCut(axis=axis, values=tuple(values[k] for k in row)) for row in rows]
    taken: set[int] = set()
    kept = []
    for row in sorted(found, key=lambda row: -len(row.values)):
        if taken.isdisjoint(row.values):
            kept.append(row)
            taken |= set(row.values)
    return tuple(kept)


def cut(labels: NDArray[Any], by: SliceCut) -> NDArray[Any]:
    """Divide the labels of a row by planes between slices, which keep their volumes best.

    Labels that a map lacks count as not there. One that would lose a label, or has them in another
    order, comes back as it is.
    """
    profiles = _profiles(labels, by.values, by.axis)
    is_there = profiles.any(axis=1)
    values, profiles = np.array(by.values, labels.dtype)[is_there], profiles[is_there]
    if len(values) < 2 or (np.diff(_middles(profiles)) <= 0).any():
        return labels
    volumes = profiles.sum(axis=1)
    filled = np.concatenate([[0], profiles.sum(axis=0).cumsum()])
    ends = [int(np.abs(filled - volume).argmin()) for volume in volumes.cumsum()[:-1]]
    bounds = [0, *ends, labels.shape[by.axis]]
    if (np.diff(filled[bounds]) == 0).any():
        return labels
    shape = [1] * labels.ndim
    shape[by.axis] = -1
    along = np.repeat(values, np.diff(bounds)).reshape(shape)
    divided: NDArray[Any] = np.where(np.isin(labels, values), along, labels)
    return divided


def _rows(profiles: NDArray[np.int64], touching: NDArray[np.bool_]) -> list[list[int]]:
    """Return runs of classes along an axis, each divided from the next and from nothing else there.

    Where two lie side by side beyond a third, a plane does not tell which of them is which.

    Parameters
    ----------
    profiles
        (n, K, side), voxels in each slice.
    touching
        (n, K, K).
    """
    total = profiles.sum(axis=0)
    present = [int(k) for k in np.flatnonzero(total.sum(axis=1))]
    ordered = sorted(present, key=lambda k: float(_middles(total[k : k + 1])[0]))
    pairs = [pair for pair in combinations(ordered, 2) if _is_cut(profiles, touching, *pair)]
    before, after = (Counter(pair[side] for pair in pairs) for side in (0, 1))
    following = {low: high for low, high in pairs if before[low] == 1 and after[high] == 1}
    rows = []
    for first in following.keys() - set(following.values()):
        row = [first]
        while row[-1] in following:
            row.append(following[row[-1]])
        rows.append(row)
    return sorted(rows, key=lambda row: ordered.index(row[0]))


def _is_cut(profiles: NDArray[np.int64], touching: NDArray[np.bool_], low: int, high: int) -> bool:
    """Whether two classes touch as a rule, and planes tell them apart."""
    both = profiles[:, low].any(axis=1) & profiles[:, high].any(axis=1)
    if touching[:, low, high].sum() <= both.sum() / 2:
        return False
    below, above = (profiles[both, k].cumsum(axis=1) for k in (low, high))
    # With the plane before the first slice, and after each: what is low above it, and high below.
    before = below[:, -1:]
    astray = np.concatenate([before, before - below + above], axis=1).min(axis=1)
    smaller = np.minimum(below[:, -1], above[:, -1])
    return float((astray / smaller).mean()) <= LARGEST_SHARE


def _profiles(labels: NDArray[Any], values: Sequence[int], axis: int) -> NDArray[np.int64]:
    """Voxels of each class in each slice along an axis, (K, side)."""
    others = tuple(a for a in range(labels.ndim) if a != axis)
    return np.stack([(labels == value).sum(axis=others) for value in values])


def _touching(labels: NDArray[Any], values: Sequence[int]) -> NDArray[np.bool_]:
    """Which classes share a face with which, (K, K)."""
    numbers = np.zeros(256, np.intp)
    numbers[list(values)] = np.arange(1, len(values) + 1)
    classes, n = numbers[labels], len(values) + 1
    pairs = np.zeros(n * n, np.int64)
    for axis in range(labels.ndim):
        along = np.moveaxis(classes, axis, 0)
        pairs += np.bincount((along[:-1] * n + along[1:]).ravel(), minlength=n * n)
    faces = pairs.reshape(n, n)[1:, 1:]
    return (faces + faces.T) > 0


def _middles(profiles: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean position of each class, (K,); every class has voxels."""
    middles: NDArray[np.float64] = profiles @ np.arange(profiles.shape[1]) / profiles.sum(axis=1)
    return middles
