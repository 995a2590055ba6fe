"""Small labelled images of a known distribution: an ellipsoid in two parts, with own texture."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from medgan.evaluation.image_set import ImageSet


def ellipsoids(n: int, seed: int, shape: tuple[int, ...] = (24, 24, 24)) -> ImageSet:
    """Draw `n` cases; sizes, place, cut between the parts, brightness and texture vary."""
    rng = np.random.default_rng(seed)
    cases = [_draw(rng, shape) for _ in range(n)]
    images = np.stack([image for image, _ in cases]).astype(np.float32)
    return ImageSet(images, np.stack([label for _, label in cases]))


def _draw(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    grid = np.stack(np.meshgrid(*(np.arange(side) for side in shape), indexing="ij"), axis=-1)
    sides = np.array(shape)
    centre = sides / 2 + rng.uniform(-1, 1, len(shape))
    offset = (grid - centre) / (sides * rng.uniform(0.28, 0.38, len(shape)))
    inside = (offset**2).sum(axis=-1) < 1
    front = offset[..., 0] < rng.uniform(-0.2, 0.2)
    label = np.where(inside, np.where(front, 1, 2), 0)
    texture = gaussian_filter(rng.standard_normal(shape), 1.2)
    texture *= 0.12 / texture.std()
    levels = np.array([-0.6, rng.uniform(0.0, 0.2), rng.uniform(0.5, 0.7)])
    image = gaussian_filter(levels[label], 0.6) + texture + 0.02 * rng.standard_normal(shape)
    return np.clip(image, -1, 1), label
