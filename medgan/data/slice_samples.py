"""Damage drawn per sample: a slice taken out of a complete scan, and what is left around it.

Everything random about a sample is drawn first (`draw`) and then applied (`cut`), from a stream of
its own, so that a training step can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from medgan.data.slice_inputs import Floats, SliceArrays, slice_arrays
from medgan.data.slicing import draw_profile, draw_window, draw_zoom, take_slice, zoomed
from medgan.data.streams import stream
from medgan.interpolation import K, Stack
from medgan.settings import Settings


class DamageSettings(Settings):
    """Which slices are taken away, and how scans are varied."""

    gap_weights: tuple[float, ...] = (0.38, 0.15, 0.14, 0.10, 0.06, 0.06, 0.05, 0.06)
    """Shares of gaps of 1, 2, 3, ... slices."""
    regular_share: float = Field(0.6, ge=0, le=1)
    """Share of samples in which every (gap+1)-th slice was kept, as in thick protocols; in the
    rest all slices around the gap are there."""
    crop: tuple[int, int] = (40, 48)
    """Rows and columns of a training crop, pixels; multiples of 8."""
    window: int = Field(72, ge=16)
    """Side of the window in which the flow is computed before cropping, pixels."""
    home_share: float = Field(0.5, ge=0, le=1)
    """Share of samples from the largest group of scans; the rest is spread over the others."""
    slab_share: float = Field(0.18, ge=0, le=1)
    """Share of samples whose slices are means over several (thick, touching or overlapping)."""
    smooth_share: float = Field(0.17, ge=0, le=1)
    """Share of samples resampled or blurred through the plane, as registered scans are."""
    zoom_share: float = Field(0.45, ge=0, le=1)
    """Share of samples zoomed in the plane."""
    zoom: tuple[float, float] = (0.65, 2.5)
    """Range of the zoom, log-uniform."""
    invert_share: float = Field(0.15, ge=0, le=1)
    """Share of samples with inverted contrast."""


@dataclass(frozen=True)
class Volume:
    """One complete scan to take slices out of.

    Parameters
    ----------
    values
        (i, j, k) float32, P0.5..P99.5 mapped to 0..1.
    spacing_mm
        Voxel size.
    axes
        Axes slices may be taken along.
    group
        Which set it belongs to.
    """

    values: Floats
    spacing_mm: tuple[float, float, float]
    axes: tuple[int, ...]
    group: str


@dataclass(frozen=True)
class Sample:
    """One training example."""

    arrays: SliceArrays
    target: Floats
    weight: np.float32


class SliceSampler:
    """Endless training examples by number: the same number gives the same example.

    Parameters
    ----------
    volumes
        Complete scans.
    settings
        What is drawn.
    seed
        Of the run.
    """

    def __init__(self, volumes: Sequence[Volume], settings: DamageSettings, seed: int) -> None:
        self.volumes = volumes
        self.settings = settings
        self.seed = seed
        groups: dict[str, list[int]] = {}
        for index, volume in enumerate(volumes):
            groups.setdefault(volume.group, []).append(index)
        self.home, *self.others = sorted(groups.values(), key=len, reverse=True)

    def __call__(self, number: int) -> Sample:
        """Draw until a crop shows something: flat background teaches nothing."""
        for attempt in range(20):
            sample = self._cut(stream(self.seed, "damage", number, attempt))
            if sample is not None and sample.target.std() > 0.02:
                break
        if sample is None:
            raise ValueError("no slice can be taken out of these volumes: they are too thin")
        return sample

    def _cut(self, rng: np.random.Generator) -> Sample | None:
        s = self.settings
        others = self.others and rng.random() >= s.home_share
        pool = self.others[rng.integers(len(self.others))] if others else self.home
        volume = self.volumes[pool[rng.integers(len(pool))]]
        axis = int(rng.choice(volume.axes))
        through = volume.spacing_mm[axis]
        pixel = float(np.mean([d for i, d in enumerate(volume.spacing_mm) if i != axis]))
        step, profile = draw_profile(s.slab_share, s.smooth_share, rng)
        gap = 1 + int(
            rng.choice(len(s.gap_weights), p=np.divide(s.gap_weights, sum(s.gap_weights)))
        )
        n = volume.values.shape[axis]
        length = int((n - 1) / step) + 1
        gap = min(gap, length - 2)
        if gap < 1:
            return None
        outer = gap + 1 if rng.random() < s.regular_share else 1
        first = int(rng.integers(length - gap - 1))
        target = first + 1 + int(rng.integers(gap))
        places = [first - outer * m for m in range(K)] + [
            first + gap + 1 + outer * m for m in range(K)
        ]
        kept = sorted(p for p in places if 0 <= p < length)
        zoom = draw_zoom(s.zoom_share, s.zoom, rng)
        sides = [side for i, side in enumerate(volume.values.shape) if i != axis]
        window = draw_window(sides, (s.window, s.window), zoom, rng)
        planes = {
            p: take_slice(volume.values, axis, p * step, profile, window) for p in (*kept, target)
        }
        stack = np.stack([zoomed(planes[p], zoom) for p in sorted(planes)])
        order = sorted(planes)
        stack = vary(stack, s, rng)
        positions = np.array(order, dtype=np.float64) * step * through
        if rng.random() < 0.5:
            stack, positions, order = stack[::-1], -positions[::-1], [-p for p in order[::-1]]
            target = -target
        arrays = _described(stack, positions, order, target, pixel / zoom)
        truth = stack[order.index(target)]
        arrays, truth = _crop(arrays, truth, s.crop, rng)
        return Sample(arrays, truth, _weight(arrays, truth, gap))


def _described(
    stack: Floats,
    positions: NDArray[np.float64],
    order: list[int],
    target: int,
    pixel_mm: float,
) -> SliceArrays:
    """Lay the planes on their lattice, so that the gap counts the slices it really lacks."""
    lattice = np.arange(order[0], order[-1] + 1)
    present = np.isin(lattice, [p for p in order if p != target])
    index = np.clip(np.searchsorted(order, lattice), 0, len(order) - 1)
    mm = np.interp(lattice, order, positions)
    return slice_arrays(Stack(stack[index], present, mm, pixel_mm), target - order[0])


def vary(stack: Floats, s: DamageSettings, rng: np.random.Generator) -> Floats:
    """Draw flips, a transposition, gain, offset and inversion, alike for all planes (n, h, w)."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            stack = np.flip(stack, axis)
    if rng.random() < 0.5:
        stack = stack.transpose(0, 2, 1)
    if rng.random() < s.invert_share:
        stack = 1 - stack
    if rng.random() < 0.5:
        stack = (stack - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    return np.ascontiguousarray(stack, dtype=np.float32)


def _crop(
    arrays: SliceArrays, truth: Floats, crop: tuple[int, int], rng: np.random.Generator
) -> tuple[SliceArrays, Floats]:
    """Cut planes and flow to the crop; smaller planes are padded by their border."""
    starts = [
        int(rng.integers(max(side - c, 0) + 1)) for side, c in zip(truth.shape, crop, strict=True)
    ]
    rows, columns = (slice(a, a + c) for a, c in zip(starts, crop, strict=True))

    def cut(x: Floats) -> Floats:
        part = x[..., rows, columns]
        lack = [c - side for c, side in zip(crop, part.shape[-2:], strict=True)]
        if any(lack):
            pad = [(0, 0)] * (part.ndim - 2) + [(0, d) for d in lack]
            part = np.pad(part, pad, mode="edge")
        return np.ascontiguousarray(part)

    cropped = arrays._replace(neighbours=cut(arrays.neighbours), flow=cut(arrays.flow))
    return cropped, cut(truth)


def _weight(arrays: SliceArrays, truth: Floats, gap: int) -> np.float32:
    """Weight of a sample's error: decibels count, so easy scans may not be drowned by hard ones.

    Wide gaps are harder by nature and must not be weighted down for it, hence the power of the gap.
    """
    t = arrays.fraction
    linear = (1 - t) * arrays.neighbours[K - 1] + t * arrays.neighbours[K]
    error = float(np.abs(linear - truth).mean())
    return np.float32(np.clip(0.08 * gap**0.4 / (error + 0.02), 0.5, 2.5))
