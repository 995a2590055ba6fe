"""Correct a fitted template by its own samples: labels, spectrum, strength of bands.

What a displacement cannot explain of the labels is lost, their spread and the raggedness of their
borders with it; what two parts share of the image's variance is drawn in neither; and parts that
are drawn one by one make all images about equally contrasted and sharp, which real ones are not.
All of it is measured on samples against the training set, never against anything else.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from medgan.networks.bands import N_BANDS, TINY, log_sizes, scaled
from medgan.networks.template import DeformableTemplate, shifts

N_DRAWN = 100
"""Samples that are compared with the training set. A spread over so many would be known to 7 %; to
less than that here, as scores are evened out."""

SEED = 0
"""Of those samples: the same cases give the same network."""

LARGEST_TEMPERATURE = 1.25
"""Velocities are scaled by no more: what was fitted, not this, is to decide the shapes."""

LARGEST_RAGGEDNESS, N_HALVINGS = 0.25, 7
"""Voxels that borders are moved by at most, standard deviation along each axis: more opens holes in
thin labels. And how often the bounds between which the right one lies are halved."""

ROUNDING = 1e-9
"""Means over different numbers of cases are rounded differently: ratios nearer to 1 than this
count as 1."""

LARGEST_FACTOR = 1.5
"""Most that a correction multiplies or divides the fine structure's power by at any wave length:
what the other parts lack is not for it to make up."""

N_BINS = 24
"""Bins of wave lengths: fewer blur the spectrum, more leave too few waves in each to average."""

N_ROUNDS = 4
"""How often samples are drawn and spread or spectrum corrected: neither answers in proportion."""

STEP = 0.45
"""Share of the difference of spectra that is corrected at once. Images are cut at -1 and 1, so that
what is added to one bin spills into others, and whole steps would swing."""

N_GAIN_ROUNDS, GAIN_STEP = 5, 0.7
"""Corrections of the gains, and the share that each takes: bands overlap."""

LARGEST_GAIN = math.log(1.5)
"""Bounds of mean log gains, and of their spread in any direction."""


@torch.no_grad()
def match(network: DeformableTemplate, cases: Tensor) -> DeformableTemplate:
    """Return a copy matched to the training cases (n, C, *S), n at least 2.

    Notes
    -----
    In this order: velocities are multiplied by the ratio of the standard deviations of label
    channels (over all voxels; 1 to 1.25), the image's where there are none. Borders of labels are
    moved until their surface is as rough as that of the cases. To the power of the
    fine structure at each wave length is added what samples lack there, or taken what they have too
    much of: 45 % each time, four times, and at most half as much again. The gains of bands get the
    mean and covariance (within bounds) at which logarithms of the sizes of bands have those of the
    cases; a blank case has no sizes and does not count.
    """
    network = copy.deepcopy(network)
    network.gain_mean.zero_()
    network.gain_root.zero_()
    network.raggedness.zero_()
    _match_spread(network, cases)
    if cases.shape[1] > 1:
        _match_raggedness(network, cases[:, 1:])
    _match_spectrum(network, cases[:, :1])
    _match_gains(network, cases[:, :1])
    return network


def _match_spread(network: DeformableTemplate, cases: Tensor) -> None:
    has_labels = cases.shape[1] > 1
    compared = cases[:, 1:] if has_labels else cases
    draw = network.labels if has_labels else network
    n_axes = len(network.shape)
    fitted = network.velocity_modes.clone(), network.rest_amounts[:, :n_axes].clone()
    temperature = 1.0
    for _ in range(N_ROUNDS):
        drawn = torch.cat([draw(z) for z in _latents(network)])
        ratio = _spread(compared) / max(_spread(drawn), 1e-12)
        before, temperature = temperature, min(max(temperature * ratio, 1.0), LARGEST_TEMPERATURE)
        if temperature == before:  # held by a bound
            break
        network.velocity_modes.copy_(temperature * fitted[0])
        network.rest_amounts[:, :n_axes] = temperature * fitted[1]


def _match_raggedness(network: DeformableTemplate, labels: Tensor) -> None:
    wanted = roughness(label[None] for label in labels)
    smooth = torch.cat([network.smooth_labels(z) for z in _latents(network)])

    def ragged(by: float) -> Iterator[Tensor]:
        source = torch.Generator().manual_seed(SEED)
        for label in torch.split(smooth, 1):
            noise = torch.randn(1, len(network.shape), *network.shape, generator=source)
            yield label + by * shifts(label, noise)

    low, high = 0.0, LARGEST_RAGGEDNESS
    for _ in range(N_HALVINGS):
        middle = (low + high) / 2
        # The median, as one class that no displacement finds is not to roughen all others. Of two
        # it is the lower ratio: the smoother one decides.
        is_short = float((roughness(ragged(middle)) / wanted).nanmedian()) < 1 - ROUNDING
        low, high = (middle, high) if is_short else (low, middle)
    network.raggedness.fill_(low)


def roughness(labels: Iterable[Tensor]) -> Tensor:
    """Faces of the surface over volume^((d-1)/d), of each class (K,), mean over (1, K, *S).

    As `evaluation.label_plausibility` has it; over the cases that have the class, NaN where none
    has it.
    """
    return torch.stack([_roughness(label[0]) for label in labels]).nanmean(dim=0)


def _roughness(labels: Tensor) -> Tensor:
    n_axes = labels.ndim - 1
    nothing = torch.zeros_like(labels[:1])
    largest = torch.cat([nothing, labels]).argmax(dim=0)
    found = []
    for at in range(len(labels)):
        inside = largest == at + 1
        faces = sum(inside.diff(dim=axis).sum() for axis in range(n_axes))
        found.append(faces / inside.sum().double() ** ((n_axes - 1) / n_axes))  # 0 / 0 is NaN
    return torch.stack(found)


def _match_spectrum(network: DeformableTemplate, images: Tensor) -> None:
    share = float((2 * network.strength).exp() * network.fine_spread.square().mean())
    if not share:
        return
    power = _power(images)
    for _ in range(N_ROUNDS):
        drawn = torch.cat([network(z)[:, :1] for z in _latents(network)])
        missing = _over_bins(power - _power(drawn), network.shape)
        per_voxel = missing / (float(_window(network.shape).square().sum()) * share)
        before = network.fine_spectrum.square()
        wanted = before + STEP * per_voxel
        bounded = wanted.clamp(before / LARGEST_FACTOR, before * LARGEST_FACTOR)
        network.fine_spectrum.copy_(bounded.sqrt())


def _match_gains(network: DeformableTemplate, images: Tensor) -> None:
    wanted = torch.cat([log_sizes(image[None]) for image in images])
    wanted = wanted[wanted.amin(dim=1) > math.log(2 * TINY)]
    if len(wanted) < 2:
        return
    drawn, scores = [], []
    for z in _latents(network):
        drawn.append(network.image(z)[:, :1])
        scores.append(z[:, -N_BANDS:])
    covariance = torch.zeros_like(network.gain_root)
    for _ in range(N_GAIN_ROUNDS):
        found = torch.cat(
            [
                log_sizes(scaled(one, network.log_gains(score)).clamp(-1, 1))
                for one, score in zip(drawn, scores, strict=True)
            ]
        )
        mean = network.gain_mean + GAIN_STEP * (wanted.mean(dim=0) - found.mean(dim=0))
        network.gain_mean.copy_(mean.clamp(-LARGEST_GAIN, LARGEST_GAIN))
        covariance += GAIN_STEP * (torch.cov(wanted.T) - torch.cov(found.T))
        values, vectors = torch.linalg.eigh(covariance)
        sizes = values.clamp(0, LARGEST_GAIN**2).sqrt()
        network.gain_root.copy_((vectors * sizes) @ vectors.T)


def _latents(network: DeformableTemplate) -> Iterator[Tensor]:
    """Give latents (1, latent) one by one, as they are long.

    Scores and gains have over all of them a mean of 0 and a spread of 1: what few draws vary by
    chance would go into every correction.
    """
    source = torch.Generator().manual_seed(SEED)
    even = torch.randn(N_DRAWN, network.n_modes + N_BANDS, generator=source)
    even = (even - even.mean(dim=0)) / even.std(dim=0)
    n_noise = network.latent - even.shape[1]
    for scores in even:
        noise = torch.randn(n_noise, generator=source)
        yield torch.cat([scores[:-N_BANDS], noise, scores[-N_BANDS:]])[None]


def _spread(images: Tensor) -> float:
    """Root mean square over voxels of the standard deviation over samples."""
    return float(images.var(dim=0).mean().sqrt())


def _power(images: Tensor) -> Tensor:
    """Mean power (1, *S') of images (n, 1, *S) about their mean, under a window.

    Without one the jump between opposite borders would drown the short waves.
    """
    axes = tuple(range(2, images.ndim))
    varying = (images - images.mean(dim=0)) * _window(images.shape[2:])
    waves: Tensor = torch.fft.rfftn(varying, dim=axes)
    return waves.abs().square().sum(dim=0) / (len(images) - 1)


def _window(shape: tuple[int, ...]) -> Tensor:
    """Hann window (*S) that is above 0 up to the border."""
    window = torch.ones(())
    for side in shape:
        taper = torch.hann_window(side + 2, periodic=False)[1:-1]
        window = window[..., None] * taper
    return window


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
