"""Phantoms of 64 kinds, and a closed-form rule that says which kind a volume is, if any.

An ellipsoid with a ball in it: six choices of two each. Every phantom also varies a little in size,
place and grey value, and has noise. The rule measures volume, moments and means; it knows nothing
of networks, and says `None` of a volume that is no phantom.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]

SIDE = 16
"""Voxels along each axis."""
MODES = tuple(itertools.product((0, 1), repeat=6))
"""Size, grey value, shape of the body; the ball's side in x and in y, and its contrast."""

AIR = 100.0
RADII = (5.0, 6.5)
GREYS = (400.0, 700.0)
STRETCHES = (1 / 1.15, 1.15)
"""Half an axis along x over the radius; along y its inverse."""
AWAY, BALL = 2.2, 1.75
"""How far the ball's centre lies from the body's along x and y, and its radius, voxels."""
CONTRASTS = (-0.3, 0.3)
"""Grey value of the ball over that of the body, less one."""
NOISE = 15.0

TOLERANCE = 0.3
"""Share of the way from one choice to the other within which a measurement counts."""
OTHER_SITES = 0.1
"""Largest contrast at the three places where the ball is not."""
REST = 0.11
"""Largest root mean square of what measured phantom and volume differ by, over the body's grey."""

_AXIS = np.arange(SIDE) - (SIDE - 1) / 2
_PLACES = np.stack(np.meshgrid(_AXIS, _AXIS, _AXIS, indexing="ij"))


@dataclass(frozen=True)
class Phantom:
    """All that a phantom without noise is made of; lengths in voxels.

    Parameters
    ----------
    centre
        Of the body, from the middle of the volume.
    ball
        Centre of the ball, from that of the body.
    """

    radius: float
    grey: float
    stretch: float
    contrast: float
    centre: Floats
    ball: Floats

    def volume(self) -> Floats:
        """Return values (16, 16, 16)."""
        from_centre = _PLACES - self.centre.reshape(3, 1, 1, 1)
        half = self.radius * np.array([self.stretch, 1 / self.stretch, 1]).reshape(3, 1, 1, 1)
        # To first order how far the border of the ellipsoid lies from a voxel.
        body = _share((np.linalg.norm(from_centre / half, axis=0) - 1) * self.radius)
        from_ball = from_centre - self.ball.reshape(3, 1, 1, 1)
        ball = _share(np.linalg.norm(from_ball, axis=0) - BALL)
        return AIR + body * (self.grey * (1 + self.contrast * ball) - AIR)


def draw(mode: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Make a phantom of a mode, (16, 16, 16) with noise."""
    size, grey, shape, x, y, contrast = mode
    away = AWAY * np.array([2 * x - 1, 2 * y - 1, 0])
    phantom = Phantom(
        radius=RADII[size] * rng.uniform(0.96, 1.04),
        grey=GREYS[grey] * rng.uniform(0.96, 1.04),
        stretch=STRETCHES[shape] * rng.uniform(0.98, 1.02),
        contrast=CONTRASTS[contrast] * rng.uniform(0.92, 1.08),
        centre=rng.uniform(-0.4, 0.4, 3),
        ball=away + rng.uniform(-0.25, 0.25, 3),
    )
    return phantom.volume() + rng.normal(0, NOISE, (SIDE,) * 3)


def mode_of(volume: Floats) -> tuple[int, ...] | None:
    """Read the mode of a volume (16, 16, 16); None: it is no phantom of any mode."""
    phantom = measure(volume)
    if phantom is None:
        return None
    sites = _sites(volume, phantom)
    at = max(sites, key=lambda site: abs(sites[site]))
    others = [abs(contrast) for site, contrast in sites.items() if site != at]
    choices = [
        _choice(math.log(phantom.radius), [math.log(radius) for radius in RADII]),
        _choice(phantom.grey, GREYS),
        _choice(math.log(phantom.stretch), [math.log(stretch) for stretch in STRETCHES]),
        *at,
        _choice(sites[at], CONTRASTS),
    ]
    if None in choices or max(others) > OTHER_SITES:
        return None
    found = replace(
        phantom, contrast=sites[at], ball=AWAY * np.array([2 * at[0] - 1, 2 * at[1] - 1, 0])
    )
    rest = np.sqrt(np.mean((volume - found.volume()) ** 2)) / phantom.grey
    return tuple(choices) if rest <= REST else None


def measure(volume: Floats) -> Phantom | None:
    """Measure the body of a volume by its moments; None where there is none."""
    grey = float(np.median(volume[np.linalg.norm(_PLACES, axis=0) < 3]))
    inside = volume > AIR + 0.4 * (grey - AIR)
    n = int(inside.sum())
    if grey < 2 * AIR or n < 100:
        return None
    points = _PLACES[:, inside]
    spread = points.std(axis=1)
    return Phantom(
        radius=(n / (4 / 3 * math.pi)) ** (1 / 3),
        grey=grey,
        stretch=math.sqrt(spread[0] / spread[1]) if spread.all() else 1.0,
        contrast=0.0,
        centre=points.mean(axis=1),
        ball=np.zeros(3),
    )


def _sites(volume: Floats, body: Phantom) -> dict[tuple[int, int], float]:
    """Return the contrast at each of the four places where a ball may be."""
    sites = {}
    for x, y in itertools.product((0, 1), repeat=2):
        site = body.centre + AWAY * np.array([2 * x - 1, 2 * y - 1, 0])
        near = np.linalg.norm(_PLACES - site.reshape(3, 1, 1, 1), axis=0) < BALL - 0.4
        sites[x, y] = float(volume[near].mean() / body.grey - 1)
    return sites


def _choice(value: float, choices: tuple[float, float] | list[float]) -> int | None:
    """Say which of two choices a measurement means; None: neither."""
    low, high = choices
    way = (value - low) / (high - low)
    return next((side for side in (0, 1) if abs(way - side) <= TOLERANCE), None)


def _share(distance: Floats) -> Floats:
    """Return how much of a voxel lies inside, from its distance to the border."""
    return np.clip(0.5 - distance, 0, 1)
