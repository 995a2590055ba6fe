"""Training scans as other protocols would have taken them: what the expected error is measured on.

A calibration is only as wide as what it has met. Each draw takes one scan of a source. Half of them
stay as they are, since most scans are met as scanners make them; the others are varied in what a
scanner or a program may have done: the plane of the slices, their thickness, resampling through the
plane, the size of a pixel, the field of view. Every source gives as many draws, but for the
hippocampus crops, which are small and of many persons: they give as many as the others together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np
from known_scans import HOME, source_of
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from medgan.scans import Grid, Scan

Planes = NDArray[np.float32]

MIN_SLICES = 11
"""Slices below which little can be hidden and taken away."""

ISOTROPIC = 1.5
"""Up to this ratio of voxel sides, slices are taken along any axis."""

AS_IT_IS = 0.5
"""Share of draws in which nothing is varied."""

LARGEST = 96
"""Side of a plane in pixels beyond which it is made coarser or cropped: what costs time."""


def drawn_scans(scans: Sequence[Scan], n_draws: int, seed: int = 0) -> Iterator[Scan]:
    """Yield `n_draws` varied scans of every source but `HOME`, and one of home after each."""
    others = sorted({source_of(scan) for scan in scans} - {HOME})
    for number in range(n_draws):
        for index, source in enumerate(others):
            at_home = number * len(others) + index
            for name, nth in ((source, number), (HOME, at_home)):
                rng = np.random.default_rng([seed, index, number, name == HOME])
                own = [scan for scan in scans if source_of(scan) == name]
                if own:
                    yield varied(own[nth % len(own)], rng, f"draw{nth}")


def varied(scan: Scan, rng: np.random.Generator, name: str) -> Scan:
    """Return a scan as another protocol would have taken it; physical values, float32."""
    values = scan.values
    known = np.isfinite(values)
    if scan.padding is not None:
        known &= scan.stored != scan.padding
    values[~known] = np.percentile(values[known], 0.5)
    spacing = scan.spacing_mm
    if rng.random() < AS_IT_IS:
        planes = _middle(np.moveaxis(values, scan.axis, 0))
        sides = [side for n, side in enumerate(spacing) if n != scan.axis]
        return _scan_of(scan, planes, (float(np.mean(sides)), spacing[scan.axis]), name)
    isotropic = max(spacing) <= ISOTROPIC * min(spacing)
    axis = int(rng.integers(3)) if isotropic else scan.axis
    planes = np.ascontiguousarray(np.moveaxis(values, axis, 0))
    through = spacing[axis]
    pixel = float(np.mean([side for n, side in enumerate(spacing) if n != axis]))
    planes, step = _through(planes, rng)
    planes, zoom = _within(planes, rng)
    return _scan_of(scan, planes, (pixel / zoom, through * step), name)


def _through(planes: Planes, rng: np.random.Generator) -> tuple[Planes, int]:
    """Thin as they are (half of the draws), smooth, touching slabs, or overlapping ones."""
    kind = rng.random()
    if kind < 0.2:
        return gaussian_filter1d(planes, float(rng.uniform(0.5, 1.2)), axis=0), 1
    width = int(rng.integers(2, 4))
    step = width if kind < 0.4 else width - 1
    n = (len(planes) - width) // step + 1
    if kind >= 0.5 or n < MIN_SLICES:
        return planes, 1
    return np.stack([planes[i * step : i * step + width].mean(axis=0) for i in range(n)]), step


def _within(planes: Planes, rng: np.random.Generator) -> tuple[Planes, float]:
    """Whole planes or a field of view of their own; pixels as they are, coarser or finer."""
    h, w = planes.shape[1:]
    if rng.random() < 0.5:
        spans = [min(side, int(rng.integers(32, LARGEST))) for side in (h, w)]
        starts = [_start(side - span, rng) for side, span in zip((h, w), spans, strict=True)]
        rows, columns = (slice(a, a + d) for a, d in zip(starts, spans, strict=True))
        planes = planes[:, rows, columns]
    longest = max(planes.shape[1:])
    zoom = float(np.exp(rng.uniform(np.log(0.6), np.log(1.8)))) if rng.random() < 0.5 else 1.0
    zoom = min(zoom, LARGEST / longest)
    if zoom == 1.0:
        return planes, zoom
    size = tuple(max(16, round(side * zoom)) for side in planes.shape[:0:-1])
    kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.stack([cv2.resize(plane, size, interpolation=kind) for plane in planes]), zoom


def _middle(planes: Planes) -> Planes:
    """Crop large planes around their middle; their pixels stay."""
    starts = [max(0, (side - LARGEST) // 2) for side in planes.shape[1:]]
    rows, columns = (slice(a, a + LARGEST) for a in starts)
    return np.ascontiguousarray(planes[:, rows, columns])


def _start(room: int, rng: np.random.Generator) -> int:
    """Where a field of view begins: near the middle, so that it shows something."""
    return round(room * float(np.clip(rng.normal(0.5, 0.15), 0, 1)))


def _scan_of(scan: Scan, planes: Planes, sides_mm: tuple[float, float], name: str) -> Scan:
    stored = np.ascontiguousarray(np.moveaxis(planes, 0, 2), dtype=np.float32)
    pixel, through = sides_mm
    n = stored.shape[2]
    return replace(
        scan,
        id=f"{scan.id}/{name}",
        stored=stored,
        grid=Grid(stored.shape, np.diag([pixel, pixel, through, 1.0])),
        axis=2,
        present=np.ones(n, dtype=bool),
        synthetic=np.zeros(n, dtype=bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        instances=(),
        padding=None,
    )
