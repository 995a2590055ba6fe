"""Training examples of the denoiser: five slices of a complete scan with noise, and the middle one.

Everything random about a sample comes from a stream of its own, so that a training step can be
repeated exactly. The scans have noise of their own, which stays in the target: the network learns
to take away what was added. Samples shrunk or averaged hold less of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from medgan.data import noise
from medgan.data.noise import NoiseSettings
from medgan.data.slice_samples import FLAT, Volume
from medgan.data.slicing import Side, Zoom, draw_window, draw_zoom, zoomed
from medgan.data.streams import stream
from medgan.settings import Settings

Floats = NDArray[np.float32]

REACH = 2
"""Slices on each side of the one that is denoised."""


class CropSettings(Settings):
    """What is cut out of scans, and how it is varied before noise is added."""

    crop: tuple[Side, Side] = (40, 48)
    """Rows and columns of a training crop, pixels; multiples of 8."""
    home_share: float = Field(0.4, ge=0, le=1)
    """Share of samples from the largest group of scans; the rest is spread over the others."""
    slab_share: float = Field(0.2, ge=0, le=1)
    """Share of samples whose slices are means of two."""
    zoom_share: float = Field(0.5, ge=0, le=1)
    """Share of samples zoomed in the plane."""
    zoom: Zoom = (0.5, 1.6)
    """Range of the zoom, log-uniform."""
    invert_share: float = Field(0.1, ge=0, le=1)
    """Share of samples with inverted contrast."""


@dataclass(frozen=True)
class NoisySample:
    """One training example.

    Parameters
    ----------
    slices
        (5, h, w) with noise, about 0..1.
    target
        (h, w) the middle one as it was.
    """

    slices: Floats
    target: Floats


class NoisySampler:
    """Endless training examples by number: the same number gives the same example.

    Parameters
    ----------
    volumes
        Complete scans.
    crops, noise
        What is drawn.
    seed
        Of the run.
    """

    def __init__(
        self, volumes: Sequence[Volume], crops: CropSettings, noise: NoiseSettings, seed: int
    ) -> None:
        self.volumes = volumes
        self.crops = crops
        self.noise = noise
        self.seed = seed
        groups: dict[str, list[Volume]] = {}
        for volume in volumes:
            groups.setdefault(volume.group, []).append(volume)
        self.home, *self.others = sorted(groups.values(), key=len, reverse=True)

    def __call__(self, number: int) -> NoisySample:
        """Draw until a crop shows something: flat background teaches nothing."""
        for attempt in range(20):
            rng = stream(self.seed, "noise", number, attempt)
            planes, index = self._cut(rng)
            target = planes[index[REACH]]
            if target.std() > FLAT:
                break
        noisy = noise.apply(noise.draw(self.noise, rng), planes, rng)
        return NoisySample(noisy[index], target)

    def _cut(self, rng: np.random.Generator) -> tuple[Floats, list[int]]:
        """Cut distinct planes (n, h, w), and say which of them the five slices are.

        Beyond an end the last slice is repeated, its noise with it.
        """
        s = self.crops
        others = self.others and rng.random() >= s.home_share
        pool = self.others[rng.integers(len(self.others))] if others else self.home
        volume = pool[rng.integers(len(pool))]
        stack = np.moveaxis(volume.values, int(rng.choice(volume.axes)), 0)
        width = 2 if rng.random() < s.slab_share and len(stack) >= 4 else 1
        n = len(stack) // width
        centre = int(rng.integers(n))
        places = np.clip(np.arange(centre - REACH, centre + REACH + 1), 0, n - 1)
        used = np.unique(places)
        zoom = draw_zoom(s.zoom_share, s.zoom, rng)
        window = draw_window(stack.shape[1:], s.crop, zoom, rng)
        slabs = stack[used[0] * width : (used[-1] + 1) * width, *window]
        planes = slabs.reshape(len(used), width, *slabs.shape[1:]).mean(axis=1)
        planes = np.stack([_to_crop(zoomed(plane, zoom), s.crop) for plane in planes])
        return _varied(planes, s, rng), (places - used[0]).tolist()


def _to_crop(plane: Floats, crop: tuple[int, int]) -> Floats:
    """Cut to the crop; mirror what is smaller."""
    plane = plane[: crop[0], : crop[1]]
    lack = [(0, c - side) for c, side in zip(crop, plane.shape, strict=True)]
    return np.pad(plane, lack, mode="symmetric") if any(d for _, d in lack) else plane


def _varied(planes: Floats, s: CropSettings, rng: np.random.Generator) -> Floats:
    """Flips along every axis, gain, offset and inversion, alike for all planes."""
    for axis in (1, 2):
        if rng.random() < 0.5:
            planes = np.flip(planes, axis)
    if rng.random() < s.invert_share:
        planes = 1 - planes
    if rng.random() < 0.5:
        planes = planes * rng.uniform(0.6, 1.2) + rng.uniform(0, 0.1)
    return np.ascontiguousarray(planes, dtype=np.float32)
