"""Correct a fitted template by its own samples: spread of the labels, spectrum of the image.

What a displacement cannot explain of the labels is lost, and their spread with it; what two parts
share of the image's variance is drawn in neither. Both are measured on samples against the training
set, never against anything else.
"""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from medgan.networks.template import DeformableTemplate

N_DRAWN = 100
"""Samples that are compared with the training set; a spread over so many is known to 7 %."""

SEED = 0
"""Of those samples: the same cases give the same network."""

LARGEST_TEMPERATURE = 1.25
"""Velocities are scaled by no more: what was fitted, not this, is to decide the shapes."""

LEAST_SHARE = 0.25
"""Share of the fine structure's power that is kept at each wave length, whatever is found."""

N_BINS = 24
"""Bands of wave lengths: fewer blur the spectrum, more leave too few waves in each to average."""


def match(network: DeformableTemplate, cases: Tensor) -> DeformableTemplate:
    """Return a copy with velocities, then fine structure, scaled to the training cases (n, C, *S).

    Notes
    -----
    Velocities are multiplied by the ratio of the standard deviations of label channels (over all
    voxels; 1 to 1.25), the image's where there are none. To the power of the fine structure at each
    wave length is added what samples lack there, or taken what they have too much of.
    """
    network = copy.deepcopy(network)
    drawn = _draw(network)
    compared = slice(1, None) if cases.shape[1] > 1 else slice(0, 1)
    ratio = _spread(cases[:, compared]) / max(_spread(drawn[:, compared]), 1e-12)
    temperature = min(max(ratio, 1.0), LARGEST_TEMPERATURE)
    network.velocity_modes *= temperature
    network.velocity_spread *= temperature

    missing = _power(cases[:, :1]) - _power(_draw(network)[:, :1])
    share = float((2 * network.strength).exp() * network.fine_spread.square().mean())
    if share > 0:
        before = network.fine_spectrum.square()
        wanted = before + _over_bins(missing, network.shape) / (math.prod(network.shape) * share)
        network.fine_spectrum.copy_(torch.maximum(wanted, LEAST_SHARE * before).sqrt())
    return network


def _draw(network: DeformableTemplate) -> Tensor:
    """Draw samples one by one: their latents are long."""
    source = torch.Generator().manual_seed(SEED)
    drawn = [network(torch.randn(1, network.latent, generator=source)) for _ in range(N_DRAWN)]
    return torch.cat(drawn)


def _spread(images: Tensor) -> float:
    """Root mean square over voxels of the standard deviation over samples."""
    return float(images.var(dim=0).mean().sqrt())


def _power(images: Tensor) -> Tensor:
    """Mean power (1, *S') of images (n, 1, *S) about their mean."""
    axes = tuple(range(2, images.ndim))
    waves: Tensor = torch.fft.rfftn(images - images.mean(dim=0), dim=axes)
    return waves.abs().square().sum(dim=0) / max(len(images) - 1, 1)


def _over_bins(power: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Average power (1, *S') over waves of about the same length: single ones are too noisy."""
    frequencies = [torch.fft.fftfreq(side) for side in shape[:-1]]
    frequencies.append(torch.fft.rfftfreq(shape[-1]))
    grid = torch.meshgrid(*frequencies, indexing="ij")
    length = torch.stack(grid).square().sum(dim=0).sqrt().flatten()
    bins = (length / length.max() * N_BINS).floor().long().clamp_max(N_BINS - 1)
    total = torch.bincount(bins, power.flatten().double(), N_BINS)
    mean = total / torch.bincount(bins, minlength=N_BINS).clamp_min(1)
    return mean[bins].view_as(power).to(power.dtype)
