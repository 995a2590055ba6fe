"""Training examples for thick slices: a complete scan averaged, and the thin slices it came from.

What is costly is the optical flow of the estimate that the network starts from. So stretches of
scans are averaged as *blocks*, of which a pool is kept; every block gives some tens of examples and
is then replaced. Everything random comes from streams by number: a block and a sample are what they
are whenever they are asked for, and a step can be repeated exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from medgan.data.pool import Pool
from medgan.data.slab_inputs import Floats, SlabArrays, base_of, slab_arrays, steepness_of
from medgan.data.slice_samples import FLAT, Volume
from medgan.data.slicing import Side, Zoom, draw_window, draw_zoom, zoomed
from medgan.data.streams import stream
from medgan.errors import DataError
from medgan.interpolation import Stack
from medgan.interpolation.slabs import Slabs
from medgan.settings import Settings


class SlabSettings(Settings):
    """How thick slices are made of scans, and how they are varied."""

    factors: tuple[Annotated[int, Field(ge=2, le=16)], ...] = Field((2, 3, 4), min_length=1)
    """Thin slices that a thick one may stand for, in turn from batch to batch."""
    crop: tuple[Side, Side] = (40, 48)
    """Rows and columns of a training crop, pixels; multiples of 8."""
    home_share: float = Field(0.6, ge=0, le=1)
    """Share of blocks from the largest group of scans; the rest is spread over the others."""
    block: tuple[int, int] = (12, 72)
    """Most thick slices of a block, and most pixels of its sides."""
    pool: int = Field(24, ge=1, le=65536)
    """Batches whose blocks are kept."""
    reuse: int = Field(96, ge=1, le=65536)
    """Examples that each block gives."""
    zoom_share: float = Field(0.4, ge=0, le=1)
    """Share of samples zoomed in the plane."""
    zoom: Zoom = (0.65, 2.0)
    """Range of the zoom, log-uniform."""
    invert_share: float = Field(0.15, ge=0, le=1)
    """Share of samples with inverted contrast."""


@dataclass(frozen=True)
class SlabSample:
    """One training example.

    Parameters
    ----------
    arrays
        What the network sees.
    target
        (S, h, w) the thin slices.
    weight
        Of its error in the loss.
    """

    arrays: SlabArrays
    target: Floats
    weight: np.float32


@dataclass(frozen=True)
class _Block:
    thick: Floats
    base: Floats
    thin: Floats
    step_mm: float
    pixel_mm: float


@dataclass
class SlabSampler:
    """Endless training examples by number: the same number gives the same example.

    Parameters
    ----------
    volumes
        Complete scans.
    settings
        What is drawn.
    seed
        Of the run.
    batch_size
        Consecutive examples that share their number of thin slices.
    """

    volumes: Sequence[Volume]
    settings: SlabSettings
    seed: int
    batch_size: int

    def __post_init__(self) -> None:
        groups: dict[str, list[Volume]] = {}
        for volume in self.volumes:
            groups.setdefault(volume.group, []).append(volume)
        self.home, *self.others = sorted(groups.values(), key=len, reverse=True)
        s = self.settings
        self._blocks = Pool(self._block, s.pool * self.batch_size, s.reuse, row=self.batch_size)

    def __call__(self, number: int) -> SlabSample:
        """Draw until a crop shows something: flat background teaches nothing."""
        block = self._blocks(number)
        for attempt in range(20):
            sample = self._cut(block, stream(self.seed, "slab", number, attempt))
            if sample.target.std() > FLAT:
                break
        return sample

    def _block(self, place: int, age: int) -> _Block:
        """Return a block; those of a batch share their number of thin slices."""
        factors = self.settings.factors
        factor = factors[(place // self.batch_size + age) % len(factors)]
        return self._averaged(factor, stream(self.seed, "block", place, age))

    def _averaged(self, factor: int, rng: np.random.Generator) -> _Block:
        s = self.settings
        for _ in range(100):
            others = self.others and rng.random() >= s.home_share
            pool = self.others[rng.integers(len(self.others))] if others else self.home
            volume = pool[rng.integers(len(pool))]
            axis = int(rng.choice(volume.axes))
            stack = np.moveaxis(volume.values, axis, 0)
            n = min(s.block[0], len(stack) // factor)
            if n < 3:
                continue
            start = int(rng.integers(len(stack) - n * factor + 1))
            window = draw_window(stack.shape[1:], (s.block[1], s.block[1]), 1.0, rng)
            thin = np.ascontiguousarray(stack[start : start + n * factor, *window], np.float32)
            if thin.std() > FLAT:
                break
        else:
            raise DataError(
                f"these scans are too thin, or too empty, for three thick slices of {factor}",
                where="slabs.factors",
                hint="Give scans of more slices, or smaller factors.",
            )
        slabs = Slabs.of(n, factor)
        thick = slabs.averaged(thin)
        step = volume.spacing_mm[axis] * factor
        pixel = float(np.mean([d for i, d in enumerate(volume.spacing_mm) if i != axis]))
        seen = Stack(thick, np.ones(n, bool), np.arange(n, dtype=np.float64) * step, pixel)
        return _Block(thick, base_of(seen, slabs), thin, step, pixel)

    def _cut(self, block: _Block, rng: np.random.Generator) -> SlabSample:
        s = self.settings
        n, factor = len(block.thick), len(block.thin) // len(block.thick)
        position = int(rng.integers(n))
        zoom = draw_zoom(s.zoom_share, s.zoom, rng)
        window = draw_window(block.thin.shape[1:], (max(s.crop), max(s.crop)), zoom, rng)
        steepness = steepness_of(block.step_mm, block.pixel_mm / zoom)
        seen = slab_arrays(block.thick, block.base, position, steepness)
        thin = block.thin[position * factor : (position + 1) * factor]
        parts = [part[:, *window] for part in (seen.thick, seen.base, thin)]
        planes = np.stack([zoomed(plane, zoom) for part in parts for plane in part])
        planes = _to_crop(_varied(planes, s, rng), s.crop, rng)
        cuts = np.cumsum([len(part) for part in parts])[:-1]
        thick, base, thin = np.split(planes, cuts)
        if rng.random() < 0.5:
            thick, base, thin = thick[::-1], base[::-1], thin[::-1]
        thick, base, thin = (np.ascontiguousarray(part) for part in (thick, base, thin))
        return SlabSample(SlabArrays(thick, base, steepness), thin, _weight(base[1:-1], thin))


def _varied(planes: Floats, s: SlabSettings, rng: np.random.Generator) -> Floats:
    """Flips, a transposition, gain, offset and inversion, alike for all planes (n, h, w)."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            planes = np.flip(planes, axis)
    if rng.random() < 0.5:
        planes = planes.transpose(0, 2, 1)
    if rng.random() < s.invert_share:
        planes = 1 - planes
    if rng.random() < 0.5:
        planes = (planes - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.uniform(-0.1, 0.1)
    return np.asarray(planes, dtype=np.float32)


def _to_crop(planes: Floats, crop: tuple[int, int], rng: np.random.Generator) -> Floats:
    """Cut to the crop; what is smaller is padded by its border."""
    starts = [
        int(rng.integers(max(side - c, 0) + 1))
        for side, c in zip(planes.shape[1:], crop, strict=True)
    ]
    rows, columns = (slice(a, a + c) for a, c in zip(starts, crop, strict=True))
    part = planes[:, rows, columns]
    lack = [(0, c - side) for c, side in zip(crop, part.shape[1:], strict=True)]
    return np.pad(part, [(0, 0), *lack], mode="edge") if any(d for _, d in lack) else part


def _weight(base: Floats, truth: Floats) -> np.float32:
    """Weight of a sample's error: decibels count, so easy scans may not be drowned by hard ones."""
    error = float(np.abs(base - truth).mean())
    return np.float32(np.clip(0.06 / (error + 0.02), 0.5, 2.5))
