"""Small random changes of samples: drawn first, then applied, in 2D and 3D alike.

The same two functions serve the loader (what the generator should learn to make) and the
discriminator's eye (what it must not learn by heart; real and virtual alike, differentiable).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from medgan.settings import Settings


class AugmentSettings(Settings):
    """How much samples are changed."""

    probability: float = Field(0.0, ge=0, le=1)
    """Share of samples that are changed at all; 0: none."""
    shift_voxels: int = Field(2, ge=0)
    """Largest shift along each axis, whole voxels; image and labels together."""
    brightness: float = Field(0.1, ge=0)
    """Largest value added to the image channel, in units of network space (-1..1 is 2 wide)."""
    contrast: float = Field(0.2, ge=0, lt=1)
    """Largest relative change of the image channel's contrast about 0."""
    flip_axes: tuple[int, ...] = ()
    """Axes of a sample that may be mirrored: 0 R, 1 A, 2 S; in 2D the two of its slice, in that
    order. Only where anatomy allows it: a mirrored left hippocampus is a right one."""


@dataclass(frozen=True)
class Augmentation:
    """What happens to each of B samples.

    Parameters
    ----------
    shifts
        (B, spatial_dims) whole voxels.
    flips
        (B, spatial_dims) bool.
    gain, offset
        (B,) of the image channel: x gain + offset.
    """

    shifts: NDArray[np.int64]
    flips: NDArray[np.bool_]
    gain: NDArray[np.float32]
    offset: NDArray[np.float32]

    def rows(self, part: slice) -> Augmentation:
        """Return what happens to some of the samples."""
        return Augmentation(self.shifts[part], self.flips[part], self.gain[part], self.offset[part])


def draw(
    settings: AugmentSettings, rng: np.random.Generator, n: int, spatial_dims: int
) -> Augmentation:
    """Draw the changes of n samples."""
    changed = rng.random(n) < settings.probability
    s = settings.shift_voxels
    shifts = rng.integers(-s, s + 1, (n, spatial_dims)) * changed[:, None]
    flips = rng.random((n, spatial_dims)) < 0.5
    allowed = np.isin(np.arange(spatial_dims), settings.flip_axes)
    gain = 1 + changed * rng.uniform(-settings.contrast, settings.contrast, n)
    offset = changed * rng.uniform(-settings.brightness, settings.brightness, n)
    return Augmentation(
        shifts,
        flips & allowed & changed[:, None],
        gain.astype(np.float32),
        offset.astype(np.float32),
    )


def apply(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Change samples (B, C, *S); channel 0 is the image, border voxels are repeated."""
    for axis in range(images.ndim - 2):
        images = _move(images, augmentation.shifts[:, axis], augmentation.flips[:, axis], axis + 2)
    column = (-1,) + (1,) * (images.ndim - 1)
    gain = torch.from_numpy(augmentation.gain).to(images.device).view(column)
    offset = torch.from_numpy(augmentation.offset).to(images.device).view(column)
    # Not cut at -1 and 1: cutting would take the gradient away where it is needed most.
    return torch.cat([images[:, :1] * gain + offset, images[:, 1:]], dim=1)


def _move(images: Tensor, shifts: NDArray[np.int64], flips: NDArray[np.bool_], dim: int) -> Tensor:
    """Mirror and shift each sample along one dimension."""
    if not shifts.any() and not flips.any():
        return images
    n = images.shape[dim]
    places = np.arange(n)[None] - shifts[:, None]
    places = np.clip(np.where(flips[:, None], n - 1 - places, places), 0, n - 1)
    shape = [1] * images.ndim
    shape[0], shape[dim] = len(shifts), n
    index = (
        torch.from_numpy(places)
        .to(images.device)
        .view(shape)
        .expand(-1, *images.shape[1:dim], -1, *images.shape[dim + 1 :])
    )
    return images.gather(dim, index)
