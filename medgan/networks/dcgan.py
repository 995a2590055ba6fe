"""The classic deep convolutional GAN, in 2D and 3D, for any shape that can be halved.

Radford, Metz and Chintala 2016 (arXiv 1511.06434): a dense layer makes a small seed of features,
transposed convolutions double it until it has the size of an image, tanh ends it; the
discriminator goes the same way back with strided convolutions. Both take their number of layers
from the shape, so that what one makes is always what the other expects.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from torch import Tensor, nn

Norm = Literal["batch", "group"]

N_GROUPS = 8
SEED_SIDE = 4
"""Halving stops where the shortest side would fall below this (the paper's 4x4)."""


class Plan(NamedTuple):
    """How a shape is built up: the seed's shape, and how often it is doubled."""

    seed: tuple[int, ...]
    n_doublings: int


def plan(shape: Sequence[int]) -> Plan:
    """Halve a shape as often as it goes, down to a seed whose shortest side is about 4.

    Raises
    ------
    ValueError
        If a side is odd or below 4, so that not even one doubling fits.
    """
    sides, n_doublings = tuple(shape), 0
    while all(side % 2 == 0 for side in sides) and _may_halve(min(sides), n_doublings):
        sides, n_doublings = tuple(side // 2 for side in sides), n_doublings + 1
    if not n_doublings:
        raise ValueError(f"every side of shape {tuple(shape)} must be even and at least 4")
    return Plan(sides, n_doublings)


def _may_halve(shortest: int, n_doublings: int) -> bool:
    # A shape of 4 or 6 is still given its one doubling.
    return shortest // 2 >= (SEED_SIDE if n_doublings else 2)


class DCGANGenerator(nn.Module):
    """Latent vectors to images: dense, then transposed convolutions, then tanh.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    out_channels
        Channels of an image: scan, and one signed-distance map a label class.
    shape
        Size of an image, one entry a spatial dimension.
    latent
        Length of a latent vector.
    base_channels
        Channels of the seed; halved by every transposed convolution, down to 16.
    norm
        `batch`: the paper's; samples of one batch are normalised together in training, which keeps
        them apart from each other, and running averages replace that in evaluation. `group`: each
        sample by itself, the same in training and evaluation.

    Raises
    ------
    ValueError
        If the shape does not fit `spatial_dims`, or cannot be halved.
    """

    def __init__(
        self,
        spatial_dims: int,
        out_channels: int,
        shape: Sequence[int],
        latent: int = 128,
        base_channels: int = 256,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        _check(spatial_dims, shape)
        self.latent = latent
        seed, n_doublings = plan(shape)
        self.seed_shape = (base_channels, *seed)
        # A norm follows, so a bias would be taken out again.
        self.dense = nn.Linear(latent, math.prod(self.seed_shape), bias=False)
        Upward = nn.ConvTranspose2d if spatial_dims == 2 else nn.ConvTranspose3d
        layers: list[nn.Module] = [_norm(norm, spatial_dims, base_channels), nn.ReLU()]
        width = base_channels
        for _ in range(n_doublings - 1):
            narrow = max(16, width // 2)
            layers += [
                Upward(width, narrow, 4, stride=2, padding=1, bias=False),
                _norm(norm, spatial_dims, narrow),
                nn.ReLU(),
            ]
            width = narrow
        layers += [Upward(width, out_channels, 4, stride=2, padding=1), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, z: Tensor) -> Tensor:
        """Return images (B, out_channels, *shape) in -1..1 for latents (B, latent) ~ N(0, 1)."""
        images: Tensor = self.layers(self.dense(z).unflatten(1, self.seed_shape))
        return images


class DCGANDiscriminator(nn.Module):
    """Images to one logit each: strided convolutions, LeakyReLU, dense.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    in_channels
        Channels of an image.
    shape
        Size of an image, one entry a spatial dimension.
    base_channels
        Channels of the first convolution; doubled by every further one, up to four times as many.

    Raises
    ------
    ValueError
        If the shape does not fit `spatial_dims`, or cannot be halved.

    Notes
    -----
    The paper normalises over the batch here too. We do not: a gradient penalty is defined sample by
    sample (Gulrajani et al. 2017, section 4, "No critic batch normalization").
    """

    def __init__(
        self, spatial_dims: int, in_channels: int, shape: Sequence[int], base_channels: int = 64
    ) -> None:
        super().__init__()
        _check(spatial_dims, shape)
        seed, n_halvings = plan(shape)
        Conv = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
        layers: list[nn.Module] = []
        n_in, n_out = in_channels, base_channels
        for _ in range(n_halvings):
            layers += [Conv(n_in, n_out, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
            n_in, n_out = n_out, min(2 * n_out, 4 * base_channels)
        layers += [nn.Flatten(), nn.Linear(n_in * math.prod(seed), 1)]
        self.layers = nn.Sequential(*layers)
        self.apply(_initialise)

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, 1) for images (B, in_channels, *shape) in -1..1."""
        logits: Tensor = self.layers(images)
        return logits


def _check(spatial_dims: int, shape: Sequence[int]) -> None:
    if spatial_dims not in (2, 3) or len(shape) != spatial_dims:
        raise ValueError(f"shape {tuple(shape)} does not have spatial_dims = {spatial_dims} sides")


def _norm(kind: Norm, spatial_dims: int, channels: int) -> nn.Module:
    if kind == "group":
        return nn.GroupNorm(math.gcd(N_GROUPS, channels), channels)
    return nn.BatchNorm2d(channels) if spatial_dims == 2 else nn.BatchNorm3d(channels)


def _initialise(module: nn.Module) -> None:
    """Draw weights as the paper does (section 4): N(0, .02); norms N(1, .02), biases zero."""
    if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d | nn.GroupNorm):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)
    elif isinstance(
        module, nn.Linear | nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d
    ):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
