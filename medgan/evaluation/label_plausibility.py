"""Do label maps look like anatomy? Sizes, parts, holes, contact and roughness against real ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

LOW_PERCENTILE, HIGH_PERCENTILE, MARGIN = 1, 99, 0.1
"""The range of training cases without its odd ones, and a tenth wider: they are few."""

Labels = NDArray[np.integer]


@dataclass(frozen=True)
class LabelStatistic:
    """One statistic of label maps, real beside virtual.

    Parameters
    ----------
    name
        E.g. `volume of 1`, `parts`, `contact`.
    real_mean, real_sd, fake_mean, fake_sd
        Over cases that have the class.
    low, high
        Plausible range: percentiles 1 to 99 of the training cases, 10 % wider on both sides.
    outside
        Share of virtual cases beyond it.
    """

    name: str
    real_mean: float
    real_sd: float
    fake_mean: float
    fake_sd: float
    low: float
    high: float
    outside: float


@dataclass(frozen=True)
class Plausibility:
    """Share of cases that lie within every range, for virtual and for held-out real cases."""

    fake: float
    real: float
    statistics: tuple[LabelStatistic, ...]


def label_statistics(labels: Labels, classes: Sequence[int]) -> dict[str, NDArray[np.float64]]:
    """Measure label maps.

    Parameters
    ----------
    labels
        (n, *S), 0 background.
    classes
        Label values to measure.

    Returns
    -------
    dict
        Name to (n,) values. Per class: `volume` in voxels; `largest part`, the share of the volume
        that hangs together; `roughness`, faces of the surface over volume^((d-1)/d), 2 d for a
        square or cube (both NaN where the class is absent). Over all classes: `parts`, connected
        pieces (corners connect); `holes`, enclosed pieces of what is not the class; `contact`,
        faces between different classes.
    """
    rows = [_measure(label, classes) for label in labels]
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in rows[0]}


def plausibility(train: Labels, test: Labels, fake: Labels, classes: Sequence[int]) -> Plausibility:
    """Judge virtual label maps by the range of real ones, (n, *S) each.

    Held-out ones, `test`, show what real maps reach themselves. Too smooth labels pass on parts and
    holes and fail on roughness, so each statistic is reported.
    """
    measured = [label_statistics(labels, classes) for labels in (train, test, fake)]
    statistics, outside_test, outside_fake = [], [], []
    for name in measured[0]:
        from_train, from_test, from_fake = (group[name] for group in measured)
        low, high = _range(from_train)
        outside_test.append((from_test < low) | (from_test > high))
        outside_fake.append((from_fake < low) | (from_fake > high))
        statistics.append(
            LabelStatistic(
                name,
                *_mean_sd(from_test),
                *_mean_sd(from_fake),
                low,
                high,
                float(outside_fake[-1].mean()),
            )
        )
    return Plausibility(
        fake=float(1 - np.any(outside_fake, axis=0).mean()),
        real=float(1 - np.any(outside_test, axis=0).mean()),
        statistics=tuple(statistics),
    )


def _range(values: NDArray[np.float64]) -> tuple[float, float]:
    present = values[np.isfinite(values)]
    if not present.size:
        return 0.0, 0.0
    low, high = np.percentile(present, (LOW_PERCENTILE, HIGH_PERCENTILE))
    return float(low - MARGIN * abs(low)), float(high + MARGIN * abs(high))


def _mean_sd(values: NDArray[np.float64]) -> tuple[float, float]:
    present = values[np.isfinite(values)]
    if not present.size:
        return 0.0, 0.0
    return float(present.mean()), float(present.std(ddof=1)) if present.size > 1 else 0.0


def _measure(label: Labels, classes: Sequence[int]) -> dict[str, float]:
    dims = label.ndim
    row: dict[str, float] = {}
    parts = holes = 0
    for value in classes:
        mask = label == value
        volume = int(mask.sum())
        sizes = _part_sizes(mask)
        parts += len(sizes)
        holes += _count_holes(mask)
        row[f"volume of {value}"] = float(volume)
        row[f"largest part of {value}"] = max(sizes) / volume if volume else np.nan
        surface = _faces(mask, lambda a, b: a != b)
        row[f"roughness of {value}"] = surface / volume ** ((dims - 1) / dims) if volume else np.nan
    row["parts"], row["holes"] = float(parts), float(holes)
    if len(classes) > 1:
        row["contact"] = float(_faces(label, lambda a, b: (a != b) & (a != 0) & (b != 0)))
    return row


def _part_sizes(mask: NDArray[np.bool_]) -> list[int]:
    """Voxels of each connected part; voxels that share a corner hang together."""
    if not mask.any():
        return []
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    parts, _ = ndimage.label(mask[box], np.ones((3,) * mask.ndim))
    return [int(size) for size in np.bincount(parts.ravel())[1:]]


def _count_holes(mask: NDArray[np.bool_]) -> int:
    """Pieces of the complement that the mask encloses; there only faces connect."""
    if not mask.any():
        return 0
    box = ndimage.find_objects(mask.astype(np.uint8))[0]
    _, pieces = ndimage.label(np.pad(~mask[box], 1, constant_values=True))
    return int(pieces) - 1


def _faces(array: NDArray[Any], differ: Callable[[Any, Any], NDArray[np.bool_]]) -> int:
    """Count pairs of neighbouring voxels that differ as told."""
    total = 0
    for axis in range(array.ndim):
        first = np.take(array, range(array.shape[axis] - 1), axis=axis)
        second = np.take(array, range(1, array.shape[axis]), axis=axis)
        total += int(differ(first, second).sum())
    return total
