"""Damage of known kind and strength, planted into one slice of a real scan.

Strengths are shares of the scan's range P0.5..P99.5, pixels, or multiples of its own noise; every
random choice (side, place, phase) comes from the generator that is handed in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from medgan.restoration.scale import PhysicalPlanes, measure, physical_planes
from medgan.restoration.slice_statistics import Slice
from medgan.scans import Scan

Plane = NDArray[np.float32]
OWN_NOISE = 0.005
"""Share of the range that the scan's own noise counts as, where it has less (masked atlases)."""


@dataclass(frozen=True, eq=False)
class Around:
    """What a kind of damage may look at, all on the scan's scale of 0..1.

    Parameters
    ----------
    planes
        (n, h, w).
    position
        The slice to damage.
    noise
        The scan's own: median over its slices of `Slice.noise`.
    """

    planes: NDArray[np.float32]
    position: int
    noise: float
    draw: np.random.Generator


def drop_out(plane: Plane, share: float, around: Around) -> Plane:
    """Lose a band of lines that holds a share of the slice's signal: it falls to the low end."""
    axis = int(around.draw.integers(2))
    profile = np.clip(plane, 0, None).sum(axis=1 - axis)
    reached = np.cumsum(profile) / max(float(profile.sum()), 1e-9)
    start = around.draw.uniform(0, 1 - share)
    first, last = np.searchsorted(reached, [start, start + share])
    out = np.moveaxis(plane.copy(), axis, 0)
    out[first : last + 1] = np.minimum(out[first : last + 1], 0)
    return np.ascontiguousarray(np.moveaxis(out, 0, axis))


def dimmed(plane: Plane, share: float, around: Around) -> Plane:
    """Lose a share of the signal everywhere."""
    return plane * np.float32(1 - share)


def noise(plane: Plane, factor: float, around: Around) -> Plane:
    """Add white noise of so many times the scan's own."""
    level = factor * max(around.noise, OWN_NOISE)
    return plane + around.draw.normal(0, level, plane.shape).astype(np.float32)


def spikes(plane: Plane, share: float, around: Around) -> Plane:
    """Set a share of the pixels to 0 or to one and a half times the range."""
    out = plane.copy()
    hit = around.draw.random(plane.shape) < share
    out[hit] = around.draw.choice(np.array([0.0, 1.5], np.float32), int(hit.sum()))
    return out


def shifted(plane: Plane, pixels: float, around: Around) -> Plane:
    """Move along one axis, borders repeated."""
    axis = int(around.draw.integers(2))
    by = int(pixels) * int(around.draw.choice([-1, 1]))
    places = np.clip(np.arange(plane.shape[axis]) - by, 0, plane.shape[axis] - 1)
    return plane.take(places, axis=axis)


def stripes(plane: Plane, amplitude: float, around: Around) -> Plane:
    """Add a sine of 2.5 to 8 pixels a period along one axis."""
    axis = int(around.draw.integers(2))
    period, phase = around.draw.uniform(2.5, 8), around.draw.uniform(0, 2 * np.pi)
    wave = amplitude * np.sin(2 * np.pi * np.arange(plane.shape[axis]) / period + phase)
    along = wave[:, None] if axis == 0 else wave[None]
    return (plane + along).astype(np.float32)


def blurred(plane: Plane, sigma: float, around: Around) -> Plane:
    """Blur by a Gaussian of so many pixels."""
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), sigma), dtype=np.float32)


def duplicate(plane: Plane, step: float, around: Around) -> Plane:
    """Put the slice so many positions before (or after, at the start) in its place."""
    other = around.position - int(step)
    return around.planes[other if other >= 0 else around.position + int(step)].copy()


def saturated(plane: Plane, share: float, around: Around) -> Plane:
    """Clip the brightest share of the pixels."""
    return np.minimum(plane, np.quantile(plane, 1 - share).astype(np.float32))


def ghost(plane: Plane, amplitude: float, around: Around) -> Plane:
    """Add the slice itself, moved by half of its side along one axis."""
    axis = int(around.draw.integers(2))
    return plane + np.float32(amplitude) * np.roll(plane, plane.shape[axis] // 2, axis)


Kind = Callable[[Plane, float, Around], Plane]

KINDS: dict[str, tuple[Kind, tuple[float, ...]]] = {
    "drop_out": (drop_out, (0.1, 0.25, 0.5)),
    "dimmed": (dimmed, (0.1, 0.25, 0.5)),
    "noise": (noise, (1, 2, 3, 5)),
    "spikes": (spikes, (0.01, 0.05)),
    "shifted": (shifted, (1, 2, 3)),
    "stripes": (stripes, (0.05, 0.1, 0.2)),
    "blurred": (blurred, (0.7, 1, 2)),
    "duplicate": (duplicate, (1, 4)),
    "saturated": (saturated, (0.02, 0.1)),
    "ghost": (ghost, (0.1, 0.2, 0.3)),
}
"""Kinds and the strengths that are planted."""

REQUIRED = {
    "drop_out": 0.25,
    "dimmed": 0.25,
    "noise": 3,
    "shifted": 2,
    "stripes": 0.1,
    "blurred": 1,
    "duplicate": 1,
}
"""Strengths from which damage is to be found."""


class Planter:
    """Plants damage into one scan."""

    def __init__(self, scan: Scan) -> None:
        physical = physical_planes(scan)
        self.scan = scan
        self._scale = measure(physical, scan.present)
        self.planes = self._scale.apply(np.asarray(physical))
        self._noise = float(np.median([Slice(plane).noise for plane in self.planes]))

    def plant(
        self, position: int, kind: str, strength: float, draw: np.random.Generator
    ) -> tuple[Scan, Plane]:
        """Return the scan with one slice damaged, in its stored type, and that plane, scaled."""
        make, _ = KINDS[kind]
        around = Around(self.planes, position, self._noise, draw)
        values = self._scale.undo(make(self.planes[position], strength, around))
        scan = self.scan
        stored = scan.stored.copy()
        raw = (values - scan.intercept[position]) / scan.slope[position]
        if np.issubdtype(stored.dtype, np.integer):
            info = np.iinfo(stored.dtype)
            raw = np.clip(np.rint(raw), info.min, info.max)
        np.moveaxis(stored, scan.axis, 0)[position] = raw.astype(stored.dtype)
        damaged = replace(scan, stored=stored)
        plane = PhysicalPlanes(damaged, self._scale.low)[position]
        return damaged, self._scale.apply(plane)
