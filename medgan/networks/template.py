"""A deformable template as a network: one image with labels, bent and shaded anew for each sample.

Edges move instead of fading into each other, and labels are carried by the same displacement as the
image: where it has no fold, they keep the parts, holes and contacts of the template, until their
borders are made as ragged as drawn ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from medgan.networks.bands import N_BANDS, scaled
from medgan.networks.warp import finer, integrate, resize, warp, without_folds

LEAST_DETERMINANT = 0.05
"""Smallest Jacobian determinant of a displacement; a margin, as folds begin at 0."""

N_FIELDS = 16
"""Stationary fields that what modes leave is mixed from; with fewer, neighbours vary less truly."""

CURVE_END, N_CURVE = 4.0, 33
"""A distribution is kept as values at even steps of a standard normal one, -4..4."""


class DeformableTemplate(nn.Module):
    """Latent vectors to samples: displacement and appearance from joint modes, then fine structure.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    out_channels
        Channels of a sample: scan, and one signed-distance map a label class.
    shape
        Size of a sample, at least 4 along each axis.
    n_modes
        Joint modes of velocity, appearance and strength of the fine structure.

    Notes
    -----
    With u the displacement that a velocity v makes (`warp.integrate`), A the appearance, r the fine
    structure and g its log strength - v, A and g linear in the modes' scores - the image is

        x(p) = T(q) + A(q) + exp(g) s(q) r(p),   q = p + u(p)

    and each label is

        y(p) = T(q) + raggedness d(p) . grad T(q)

    with white noise d, the gradient taken over p: borders as ragged as they are drawn by hand, of
    which the image knows nothing. What the modes leave of v and A is mixed at each place from
    stationary Gaussian fields, in amounts that belong to the place (`training.fit_fields`). r is
    such a stationary field, bent by a curve to the distribution found in the training set: grain
    has long tails. v and A live on half the grid. A displacement with a fold is scaled back until
    its smallest Jacobian determinant is 0.05. At last the octave bands of x (`networks.bands`) are
    made stronger or weaker by gains whose logarithms are normally distributed.

    The latent vector holds the scores first, then the white noise that the fields are made of, then
    that of ragged borders and of the gains.
    """

    template: Tensor
    velocity: Tensor
    velocity_modes: Tensor
    appearance: Tensor
    appearance_modes: Tensor
    rest_amounts: Tensor
    rest_spectrum: Tensor
    strength: Tensor
    strength_modes: Tensor
    fine_spread: Tensor
    fine_spectrum: Tensor
    fine_curve: Tensor
    raggedness: Tensor
    gain_mean: Tensor
    gain_root: Tensor

    def __init__(
        self, spatial_dims: int, out_channels: int, shape: Sequence[int], n_modes: int
    ) -> None:
        super().__init__()
        if len(shape) != spatial_dims or min(shape) < 4:
            raise ValueError(f"shape {tuple(shape)} is not {spatial_dims} sides of 4 or more")
        if n_modes < 0:
            raise ValueError("the number of modes cannot be negative")
        self.shape = tuple(shape)
        self.n_modes = n_modes
        half = coarser(shape, 2)
        n_ragged = spatial_dims if out_channels > 1 else 0
        self.noise_shapes = ((N_FIELDS, *half), (1, *self.shape), (n_ragged, *self.shape))
        self.latent = n_modes + sum(map(math.prod, self.noise_shapes)) + N_BANDS
        self.register_buffer("template", torch.zeros(out_channels, *shape))
        for name, channels in (("velocity", spatial_dims), ("appearance", 1)):
            self.register_buffer(name, torch.zeros(channels, *half))
            self.register_buffer(f"{name}_modes", torch.zeros(n_modes, channels, *half))
        self.register_buffer("rest_amounts", torch.zeros(N_FIELDS, spatial_dims + 1, *half))
        self.register_buffer("rest_spectrum", torch.zeros(N_FIELDS, *_waves(half)))
        self.register_buffer("strength", torch.zeros(()))
        self.register_buffer("strength_modes", torch.zeros(n_modes))
        self.register_buffer("fine_spread", torch.zeros(1, *shape))
        self.register_buffer("fine_spectrum", torch.zeros(1, *_waves(shape)))
        self.register_buffer("fine_curve", torch.linspace(-CURVE_END, CURVE_END, N_CURVE))
        self.register_buffer("raggedness", torch.zeros(()))  # voxels
        self.register_buffer("gain_mean", torch.zeros(N_BANDS))
        self.register_buffer("gain_root", torch.zeros(N_BANDS, N_BANDS))

    def forward(self, z: Tensor) -> Tensor:
        """Return samples (B, out_channels, *shape) in -1..1 for latents (B, latent) ~ N(0, 1)."""
        samples = self.image(z)
        image = scaled(samples[:, :1], self.log_gains(z[:, -N_BANDS:]))
        return torch.cat([image, self.ragged(samples[:, 1:], z)], dim=1).clamp(-1, 1)

    def image(self, z: Tensor) -> Tensor:
        """Return samples (B, out_channels, *shape), bands not yet scaled and borders smooth."""
        samples, texture = self.parts(z)
        return torch.cat([samples[:, :1] + texture, samples[:, 1:]], dim=1)

    def log_gains(self, noise: Tensor) -> Tensor:
        """Return the log gains (B, N_BANDS) of the bands for noise (B, N_BANDS)."""
        return self.gain_mean + noise @ self.gain_root

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return samples as the modes alone have them, and the random fields of their images.

        (B, out_channels, *shape) and (B, 1, *shape); `image` adds the second to the first's image.
        """
        scores, rest_noise, fine_noise, _ = self._split(z)
        by_modes = self.appearance + torch.einsum("bk,k...->b...", scores, self.appearance_modes)
        velocity, left = self._rest(rest_noise)
        appearance = resize(torch.cat([by_modes, left], dim=1), self.shape)
        still = torch.cat([self.template, self.fine_spread]).expand(len(z), -1, *self.shape)
        bent = warp(torch.cat([appearance, still], dim=1), self._displacement(scores, velocity))
        sizes = [1, 1, 1, len(self.template) - 1, 1]
        by_modes, left, image, labels, spread = torch.split(bent, sizes, dim=1)
        fine = spread * along(coloured(fine_noise, self.fine_spectrum), self.fine_curve)
        strength = (self.strength + scores @ self.strength_modes).exp()
        texture = left + strength.view(-1, *[1] * (fine.ndim - 1)) * fine
        return torch.cat([image + by_modes, labels], dim=1), texture

    @property
    def n_moving(self) -> int:
        """How many numbers at the start of a latent vector the displacement depends on."""
        return self.n_modes + math.prod(self.noise_shapes[0])

    def labels(self, z: Tensor) -> Tensor:
        """Return the label channels alone, (B, out_channels - 1, *shape)."""
        return self.ragged(self.smooth_labels(z), z)

    def smooth_labels(self, z: Tensor) -> Tensor:
        """Return the label channels as the displacement carries them, their borders not ragged."""
        labels = self.template[1:]
        return warp(labels.expand(len(z), *labels.shape), self.displace(z))

    def ragged(self, labels: Tensor, z: Tensor) -> Tensor:
        """Return labels (B, out_channels - 1, *shape) with borders moved, voxel by voxel."""
        if not labels.shape[1] or not self.raggedness:
            return labels
        return labels + self.raggedness * shifts(labels, self._split(z)[-1])

    def displace(self, z: Tensor) -> Tensor:
        """Return the displacements of latents, (B, D, *shape) in voxels, without a fold."""
        scores, noise, *_ = self._split(z)
        return self._displacement(scores, self._rest(noise)[0])

    def _displacement(self, scores: Tensor, rest: Tensor) -> Tensor:
        velocity = self.velocity + torch.einsum("bk,k...->b...", scores, self.velocity_modes) + rest
        return without_folds(finer(integrate(velocity), self.shape), LEAST_DETERMINANT)

    def _rest(self, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return what modes leave of velocity (B, D, *half) and appearance (B, 1, *half)."""
        fields = coloured(noise, self.rest_spectrum)
        mixed = torch.einsum("bj...,jc...->bc...", fields, self.rest_amounts)
        return mixed[:, :-1], mixed[:, -1:]

    def rest_power(self, fields: Tensor) -> Tensor:
        """Return x^T C x (B,) of fields x (B, D + 1, *half), C the covariance of what is drawn.

        With x = A^T F n for white noise n, that is the power of F A x.
        """
        mixed = torch.einsum("bc...,jc...->bj...", fields, self.rest_amounts)
        return coloured(mixed, self.rest_spectrum).square().flatten(1).sum(dim=1)

    def _split(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Cut a latent into scores and the white noise of what modes leave, fine and ragged."""
        sizes = [self.n_modes, *map(math.prod, self.noise_shapes), N_BANDS]
        scores, *noises, _ = torch.split(z, sizes, dim=1)
        rest, fine, ragged = (
            noise.reshape(len(z), *shape)
            for noise, shape in zip(noises, self.noise_shapes, strict=True)
        )
        return scores, rest, fine, ragged


def coarser(shape: Sequence[int], by: int) -> tuple[int, ...]:
    """Return a grid with a `by`-th of the voxels along each axis, at least 2."""
    return tuple(max(2, -(-side // by)) for side in shape)


def shifts(labels: Tensor, noise: Tensor) -> Tensor:
    """Return what labels (B, K, *S) change by where borders move by noise (B, D, *S), voxels."""
    change = torch.zeros_like(labels)
    for axis in range(noise.shape[1]):
        (slope,) = torch.gradient(labels, dim=2 + axis)
        change += slope * noise[:, axis, None]
    return change


def along(values: Tensor, curve: Tensor) -> Tensor:
    """Map standard normal values by a curve given at even steps over -4..4, linear in between."""
    at = (values + CURVE_END) * ((len(curve) - 1) / (2 * CURVE_END))
    below = at.floor().clamp(0, len(curve) - 2)
    low, high = curve[below.long()], curve[below.long() + 1]
    mapped: Tensor = low + (at - below).clamp(0, 1) * (high - low)
    return mapped


def coloured(noise: Tensor, amplitude: Tensor) -> Tensor:
    """Give white noise (B, C, *S) the amplitudes (C, *S') of its Fourier coefficients."""
    axes = tuple(range(2, noise.ndim))
    waves = torch.fft.rfftn(noise, dim=axes) * amplitude
    made: Tensor = torch.fft.irfftn(waves, s=noise.shape[2:], dim=axes)
    return made


def spectrum(fields: Tensor) -> Tensor:
    """Return the amplitudes (C, *S') at which white noise has the mean power of (n, C, *S)."""
    axes = tuple(range(2, fields.ndim))
    power: Tensor = torch.fft.rfftn(fields, dim=axes).abs().square().mean(dim=0)
    return (power / math.prod(fields.shape[2:])).sqrt()


def _waves(shape: Sequence[int]) -> tuple[int, ...]:
    return (*shape[:-1], shape[-1] // 2 + 1)
