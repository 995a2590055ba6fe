"""A linear prior as a network: a Gaussian over whole samples, with true marginals of the image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


class LinearPrior(nn.Module):
    """Latent vectors to samples: a mean and modes, then each image voxel's own distribution.

    Parameters
    ----------
    spatial_dims
        2 or 3.
    out_channels
        Channels of a sample: scan, and one signed-distance map a label class.
    shape
        Size of a sample.
    latent
        Number of modes. One less than the number of training cases is full rank: the modes then
        span every one of them, and **the weights store the training set**.
    n_quantiles
        Values by which the distribution of an image voxel is described, at least 2.

    Notes
    -----
    x = m + z M, z standard normal; the rows of M are principal axes times their standard
    deviations, so that the covariance of x is M^T M. Gaussian copula: image voxel v has
    x_v - m_v ~ N(0, s_v^2), so that Phi((x_v - m_v) / s_v) is uniform, and goes through the
    empirical quantiles of that voxel. Label channels stay Gaussian, cut to -1..1.
    """

    mean: Tensor
    modes: Tensor
    spread: Tensor
    quantiles: Tensor

    def __init__(
        self,
        spatial_dims: int,
        out_channels: int,
        shape: Sequence[int],
        latent: int,
        n_quantiles: int,
    ) -> None:
        super().__init__()
        if len(shape) != spatial_dims:
            raise ValueError(f"shape {tuple(shape)} does not have {spatial_dims} sides")
        if latent < 1 or n_quantiles < 2:
            raise ValueError("at least one mode and two quantiles are needed")
        self.latent = latent
        self.shape = (out_channels, *shape)
        self.n_image = math.prod(shape)
        n_values = math.prod(self.shape)
        self.register_buffer("mean", torch.zeros(n_values))
        self.register_buffer("modes", torch.zeros(latent, n_values))
        self.register_buffer("spread", torch.ones(self.n_image))
        self.register_buffer("quantiles", torch.zeros(n_quantiles, self.n_image))

    def forward(self, z: Tensor) -> Tensor:
        """Return samples (B, out_channels, *shape) in -1..1 for latents (B, latent) ~ N(0, 1)."""
        offset = z @ self.modes
        image = self._marginals(torch.special.ndtr(offset[:, : self.n_image] / self.spread))
        rest = self.mean[self.n_image :] + offset[:, self.n_image :]
        samples = torch.cat([image, rest], dim=1).clamp(-1, 1)
        return samples.view(-1, *self.shape)

    def scores(self, samples: Tensor) -> Tensor:
        """Return scores (n, latent) of samples (n, out_channels, *shape) on orthogonal modes."""
        lengths = self.modes.square().sum(dim=1).clamp_min(1e-12)
        scores: Tensor = (samples.flatten(1) - self.mean) @ self.modes.T / lengths
        return scores

    def _marginals(self, share: Tensor) -> Tensor:
        """Look up shares (B, n_image) in 0..1 in each voxel's own quantiles, linear in between."""
        n_steps = len(self.quantiles) - 1
        at = share * n_steps
        below = at.floor().clamp(0, n_steps - 1)
        index = below.long()
        low = torch.gather(self.quantiles, 0, index)
        high = torch.gather(self.quantiles, 0, index + 1)
        looked_up: Tensor = low + (at - below) * (high - low)
        return looked_up
