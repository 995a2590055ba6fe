"""Damage drawn per sample: a slice taken out of a complete scan, and what is left around it.

What is costly is the optical flow across a gap. So a pool of gaps is kept; every one gives several
examples, each varied and cropped in its own way, and is then replaced. Everything random comes from
streams by number: a gap and a sample are what they are whenever they are asked for, and a step can
be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import Field, NonNegativeFloat, field_validator

from medgan.data.pool import Pool
from medgan.data.slice_inputs import Floats, SliceArrays, slice_arrays
from medgan.data.slicing import Side, Zoom, draw_profile, draw_window, draw_zoom, take_slice, zoomed
from medgan.data.streams import stream
from medgan.errors import DataError
from medgan.interpolation import K, Stack
from medgan.settings import Settings

FLAT = 0.02
"""Standard deviation below which slices show too little to learn from."""


class DamageSettings(Settings):
    """Which slices are taken away, and how scans are varied."""

    gap_weights: tuple[NonNegativeFloat, ...] = (0.38, 0.15, 0.14, 0.10, 0.06, 0.06, 0.05, 0.06)
    """Shares of gaps of 1, 2, 3, ... slices; not all 0."""
    regular_share: float = Field(0.6, ge=0, le=1)
    """Share of samples in which every (gap+1)-th slice was kept, as in thick protocols; in the
    rest all slices around the gap are there."""
    crop: tuple[Side, Side] = (40, 48)
    """Rows and columns of a training crop, pixels; multiples of 8."""
    window: int = Field(72, ge=16, le=1024)
    """Side of the window in which the flow is computed before cropping, pixels."""
    home_share: float = Field(0.5, ge=0, le=1)
    """Share of samples from the largest group of scans; the rest is spread over the others."""
    slab_share: float = Field(0.18, ge=0, le=1)
    """Share of samples whose slices are means over several (thick, touching or overlapping)."""
    smooth_share: float = Field(0.17, ge=0, le=1)
    """Share of samples resampled or blurred through the plane, as registered scans are."""
    zoom_share: float = Field(0.45, ge=0, le=1)
    """Share of samples zoomed in the plane."""
    zoom: Zoom = (0.65, 2.5)
    """Range of the zoom, log-uniform."""
    invert_share: float = Field(0.15, ge=0, le=1)
    """Share of samples with inverted contrast."""
    pool: int = Field(192, ge=1, le=65536)
    """Gaps kept at a time, about 0.2 MB each. Best a multiple of `batch_size * n_workers` times the
    number of training processes: then each loading process makes its own part of them alone."""
    reuse: int = Field(8, ge=1, le=65536)
    """Examples that each gap gives."""

    @field_validator("gap_weights")
    @classmethod
    def _has_gaps(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not sum(weights):
            raise ValueError("at least one share must be above 0")
        return weights


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


@dataclass(frozen=True)
class _Gap:
    """A slice to fill, as the network sees it, its true values (h, w), and how many are missing."""

    arrays: SliceArrays
    target: Floats
    size: int


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
        self.settings = settings
        self.seed = seed
        groups: dict[str, list[Volume]] = {}
        for volume in volumes:
            groups.setdefault(volume.group, []).append(volume)
        self.home, *self.others = sorted(groups.values(), key=len, reverse=True)
        self._gaps = Pool(self._gap, settings.pool, settings.reuse)

    def __call__(self, number: int) -> Sample:
        """Draw until a crop shows something: flat background teaches nothing."""
        gap = self._gaps(number)
        for attempt in range(20):
            sample = self._cut(gap, stream(self.seed, "damage", number, attempt))
            if sample.target.std() > FLAT:
                break
        return sample

    def _gap(self, place: int, age: int) -> _Gap:
        """Draw until a gap shows something, if any does."""
        drawn = None
        for attempt in range(20):
            gap = self._take_out(stream(self.seed, "gap", place, age, attempt))
            drawn = gap or drawn
            if gap is not None and gap.target.std() > FLAT:
                break
        if drawn is None:
            raise DataError(
                "no slice can be taken out of these scans: they are too thin",
                where="damage",
                hint="Give scans of more slices.",
            )
        return drawn

    def _take_out(self, rng: np.random.Generator) -> _Gap | None:
        s = self.settings
        others = self.others and rng.random() >= s.home_share
        group = self.others[rng.integers(len(self.others))] if others else self.home
        volume = group[rng.integers(len(group))]
        axis = int(rng.choice(volume.axes))
        through = volume.spacing_mm[axis]
        pixel = float(np.mean([d for i, d in enumerate(volume.spacing_mm) if i != axis]))
        step, profile = draw_profile(s.slab_share, s.smooth_share, rng)
        size = 1 + int(
            rng.choice(len(s.gap_weights), p=np.divide(s.gap_weights, sum(s.gap_weights)))
        )
        length = int((volume.values.shape[axis] - 1) / step) + 1
        size = min(size, length - 2)
        if size < 1:
            return None
        outer = size + 1 if rng.random() < s.regular_share else 1
        first = int(rng.integers(length - size - 1))
        before = [p for m in reversed(range(K)) if (p := first - outer * m) >= 0]
        taken = range(first + 1, first + 1 + size)
        after = [p for m in range(K) if (p := taken.stop + outer * m) < length]
        zoom = draw_zoom(s.zoom_share, s.zoom, rng)
        sides = [side for i, side in enumerate(volume.values.shape) if i != axis]
        window = draw_window(sides, (s.window, s.window), zoom, rng)
        places = np.array([*before, *taken, *after])
        planes = np.stack(
            [
                zoomed(take_slice(volume.values, axis, p * step, profile, window), zoom)
                for p in places
            ]
        )
        positions = places * (step * through)
        present = ~np.isin(places, taken)
        if rng.random() < 0.5:
            planes, positions, present = planes[::-1], -positions[::-1], present[::-1]
        target = int(rng.choice(np.flatnonzero(~present)))
        stack = Stack(planes, present, positions, pixel / zoom)
        return _Gap(slice_arrays(stack, target), planes[target], size)

    def _cut(self, gap: _Gap, rng: np.random.Generator) -> Sample:
        planes = np.concatenate([gap.arrays.neighbours, gap.target[None]])
        planes, flow = turn(planes, gap.arrays.flow, rng)
        planes = vary_contrast(planes, self.settings, rng)
        planes, flow = _cropped(planes, flow, self.settings.crop, rng)
        arrays = gap.arrays._replace(neighbours=planes[:-1], flow=flow)
        return Sample(arrays, planes[-1], _weight(arrays, planes[-1], gap.size))


def turn(planes: Floats, flow: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Draw flips and a transposition, and apply them alike to planes (n, h, w) and flow.

    The flow (2, h, w), in (x, y), turns with the planes.
    """
    for axis, sign in ((1, (1, -1)), (2, (-1, 1))):
        if rng.random() < 0.5:
            planes, flow = np.flip(planes, axis), np.flip(flow, axis)
            flow = flow * np.array(sign, dtype=np.float32)[:, None, None]
    if rng.random() < 0.5:
        planes, flow = planes.transpose(0, 2, 1), flow.transpose(0, 2, 1)[::-1]
    return planes, flow


def vary_contrast(planes: Floats, s: DamageSettings, rng: np.random.Generator) -> Floats:
    """Draw gain, offset and inversion, alike for all planes (n, h, w)."""
    if rng.random() < s.invert_share:
        planes = 1 - planes
    if rng.random() < 0.5:
        planes = (planes - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    return np.asarray(planes, dtype=np.float32)


def _cropped(
    planes: Floats, flow: Floats, crop: tuple[int, int], rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Cut planes and flow to the crop; smaller planes are padded by their border."""
    starts = [
        int(rng.integers(max(side - c, 0) + 1))
        for side, c in zip(planes.shape[1:], crop, strict=True)
    ]
    rows, columns = (slice(a, a + c) for a, c in zip(starts, crop, strict=True))

    def cut(x: Floats) -> Floats:
        part = x[:, rows, columns]
        lack = [c - side for c, side in zip(crop, part.shape[1:], strict=True)]
        if any(lack):
            part = np.pad(part, [(0, 0), *((0, d) for d in lack)], mode="edge")
        return np.ascontiguousarray(part)

    return cut(planes), cut(flow)


def _weight(arrays: SliceArrays, truth: Floats, gap: int) -> np.float32:
    """Weight of a sample's error: decibels count, so easy scans may not be drowned by hard ones.

    Wide gaps are harder by nature and must not be weighted down for it, hence the power of the gap.
    """
    t = arrays.fraction
    linear = (1 - t) * arrays.neighbours[K - 1] + t * arrays.neighbours[K]
    error = float(np.abs(linear - truth).mean())
    return np.float32(np.clip(0.08 * gap**0.4 / (error + 0.02), 0.5, 2.5))
