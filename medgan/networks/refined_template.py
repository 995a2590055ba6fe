"""A deformable template whose images a trained network refines; the labels stay the template's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from medgan.networks.bands import N_BANDS, scaled
from medgan.networks.haar import haar, unhaar
from medgan.networks.template import DeformableTemplate

SLOPE = 0.2
"""Of the leaky ReLU, as in the critic."""

N_STYLE, N_COARSE = 4, 4
"""Noise beside the texture: numbers of a case, and fields on a quarter of the grid."""

SLAB, REACH = 32, 8
"""Samples larger than a slab, along the first axis of half the grid, are refined slab by slab, so
that memory grows with its size and not the volume's. A band depends on seven places each way."""


class RefinedTemplate(nn.Module):
    """Latent vectors to samples: what the template draws, with its image refined.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    out_channels
        Channels of a sample: scan, and one signed-distance map a label class.
    shape
        Size of a sample, multiples of 4.
    n_modes
        Of the template; see `networks.template`.
    width
        Channels of the refining network on half the grid.

    Notes
    -----
    Before training every sample is what the template draws. Gains of bands come last, and no critic
    sees them. The latent vector holds the latent of
    the template first, then the noise of the refinement: with and without it, one vector has the
    same anatomy.
    """

    def __init__(
        self,
        spatial_dims: int,
        out_channels: int,
        shape: Sequence[int],
        n_modes: int,
        width: int = 24,
    ) -> None:
        super().__init__()
        self.n_modes = n_modes
        self.template = DeformableTemplate(spatial_dims, out_channels, shape, n_modes)
        self.refiner = Refiner(out_channels, shape, width)
        self.latent = self.template.latent + self.refiner.latent

    def forward(self, z: Tensor) -> Tensor:
        """Return samples (B, out_channels, *shape) in -1..1 for latents (B, latent) ~ N(0, 1)."""
        for_template, noise = self.split(z)
        samples = self.refiner(*self.template.parts(for_template), noise)
        image = scaled(samples[:, :1], self.template.log_gains(for_template[:, -N_BANDS:]))
        labels = self.template.ragged(samples[:, 1:], for_template).clamp(-1, 1)
        return torch.cat([image.clamp(-1, 1), labels], dim=1)

    def split(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Cut a latent into that of the template and the noise of the refinement."""
        return z[:, : self.template.latent], z[:, self.template.latent :]


class Refiner(nn.Module):
    """What is added to the image of a sample, from all its channels, its texture, place and noise.

    Parameters
    ----------
    n_channels
        Channels of a sample, the image first.
    shape
        Size of a sample, multiples of 4.
    width
        Channels on half the grid; twice as many on a quarter.

    Notes
    -----
    Works on Haar bands. The texture - the random fields of the template - goes in by itself: each
    band of it is made stronger or weaker at each place, and a residual is added. So grain can be
    shaped, which added to the image already could only be guessed and taken out again. The first
    band, means over two voxels along each axis, stays as the template has it: anatomy and shading
    are the template's, detail is the critic's.

    No normalisation: a place depends on what is near it, on where it is, and on the numbers of its
    case, which also set how strong each band of the residual is. The last convolution is zero
    before training, and the texture goes through as it is.

    Raises
    ------
    ValueError
        If a side is no multiple of 4.
    """

    def __init__(self, n_channels: int, shape: Sequence[int], width: int) -> None:
        super().__init__()
        if any(side % 4 for side in shape):
            raise ValueError(f"every side of shape {tuple(shape)} must be a multiple of 4")
        n_dims = len(shape)
        n_bands = 2**n_dims
        Conv = nn.Conv2d if n_dims == 2 else nn.Conv3d
        quarter = tuple(side // 4 for side in shape)
        self.noise_shapes = ((N_STYLE,), (N_COARSE, *quarter))
        self.latent = sum(math.prod(noise) for noise in self.noise_shapes)
        n_in = n_bands * (n_channels + 1) + n_dims + N_STYLE
        self.enter = Conv(n_in, width, 3, padding=1)
        self.down = Conv(width, 2 * width, 4, stride=2, padding=1)
        self.coarse = Conv(2 * width + N_COARSE, width, 3, padding=1)
        self.join = Conv(2 * width, width, 3, padding=1)
        self.leave = Conv(width, 2 * (n_bands - 1), 3, padding=1)
        self.strength = nn.Linear(N_STYLE, n_bands - 1)
        for layer in (self.leave, self.strength):
            nn.init.zeros_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, samples: Tensor, texture: Tensor, noise: Tensor) -> Tensor:
        """Return samples (B, C, *S) with texture (B, 1, *S) added as it should be, not clamped.

        `noise` (B, latent) ~ N(0, 1).
        """
        sizes = [math.prod(one) for one in self.noise_shapes]
        style, coarse = (
            part.reshape(-1, *shape)
            for part, shape in zip(torch.split(noise, sizes, dim=1), self.noise_shapes, strict=True)
        )
        seen = torch.cat([haar(texture), haar(samples)], dim=1)
        seen = torch.cat([seen, positions(seen)], dim=1)
        whole = torch.is_grad_enabled() or seen.shape[2] <= SLAB
        bands = (self.bands if whole else self._slabs)(seen, style, coarse)
        image = samples[:, :1] + unhaar(bands)
        return torch.cat([image, samples[:, 1:]], dim=1)

    def bands(self, seen: Tensor, style: Tensor, coarse: Tensor) -> Tensor:
        """Return the Haar bands (B, 2^D, *S / 2) of what is added to the image.

        Parameters
        ----------
        seen
            (B, ., *S / 2), Haar bands of texture and sample, and positions.
        style
            (B, 4) numbers of the case.
        coarse
            (B, 4, *S / 4) noise.
        """
        column = (-1, style.shape[1], *[1] * (seen.ndim - 2))
        of_case = style.view(column).expand(-1, -1, *seen.shape[2:])
        near = self._active(self.enter(torch.cat([seen, of_case], dim=1)))
        wide = self._active(self.down(near))
        wide = self._active(self.coarse(torch.cat([wide, coarse], dim=1)))
        wide = functional.interpolate(wide, scale_factor=2.0, mode="nearest")
        joined = self._active(self.join(torch.cat([near, wide], dim=1)))
        residual, gain = self.leave(joined).chunk(2, dim=1)
        means, details = seen[:, :1], seen[:, 1 : 1 + residual.shape[1]]
        column = (-1, residual.shape[1], *column[2:])
        strength = self.strength(style).exp().view(column)
        return torch.cat([means, details * (1 + gain) + residual * strength], dim=1)

    def _slabs(self, seen: Tensor, style: Tensor, coarse: Tensor) -> Tensor:
        """Return `bands`, worked out slab by slab, each with as much around it as it depends on."""
        side, parts = seen.shape[2], []
        for start in range(0, side, SLAB):
            stop = min(start + SLAB, side)
            low, high = max(start - REACH, 0), min(stop + REACH, side)
            around = self.bands(seen[:, :, low:high], style, coarse[:, :, low // 2 : high // 2])
            parts.append(around[:, :, start - low : stop - low])
        return torch.cat(parts, dim=2)

    @staticmethod
    def _active(x: Tensor) -> Tensor:
        return functional.leaky_relu(x, SLOPE)


def positions(like: Tensor) -> Tensor:
    """Return where each voxel of (B, C, *S) lies along each axis, (B, D, *S) in -1..1."""
    axes = [torch.linspace(-1, 1, side, device=like.device) for side in like.shape[2:]]
    grid = torch.stack(torch.meshgrid(*axes, indexing="ij")).to(like.dtype)
    return grid.expand(len(like), *grid.shape)
