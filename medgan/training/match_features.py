"""Tune a fitted template until random networks see in its samples what they see in the cases.

What a template loses by drawing displacement and appearance from a normal distribution shows in
the mean of many features. Matching those of networks that are never trained (dos Santos et al.
2019, arXiv 1904.02762, there with pretrained ones) has no second player that could win, swing or
collapse. Of the cases only averages enter: means and spreads of features, percentiles, spectrum.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from pydantic import Field
from torch import Tensor

from medgan.errors import DataError, DivergedError
from medgan.networks.template import DeformableTemplate, coarser
from medgan.networks.warp import resize
from medgan.settings import Settings
from medgan.training.match_samples import match
from medgan.training.random_net import features_of, random_kernels

FIRST = 1000
"""Number of the first network: those of the evaluation are 0, 1 and 2."""

N_LOOKED = 4
"""Networks that look at each batch."""

RATES = {"template": 0.4, "appearance": 0.4, "velocity": 1.0, "strength": 1.0}
"""Parts that are tuned, and their rates, of the rate: the average case alone. Modes stay, as they
decide what can be told of single cases; spreads and spectra of the random fields would be tuned
at the cost of the spectrum of the samples."""

FEWEST = 8
"""Cases below which a feature may hardly vary by chance, and then is all that counts."""

PULL = 1e-3
"""Weight of the mean squared change."""

KEPT_RANGE = 10.0
"""Weight of the squared distance of percentiles 0.5 and 99.5 from those of the cases: networks see
each scan in a range of its own, and would let it drift."""

MOST_VOXELS = 2**24
"""`torch.quantile` takes no more: of larger scans every second voxel is looked at, and so on."""

STEEPNESS = 10.0
"""Of the label channels as networks see them: near 0 and 1 but at a border, as labels are."""


class FeatureSettings(Settings):
    """How the samples of a template are matched to the cases by features of random networks."""

    steps: int = Field(0, ge=0)
    """Batches; 0: not at all."""
    batch_size: int = Field(12, ge=2)
    """Samples a step, in two halves."""
    lr: float = Field(0.01, gt=0)
    """Adam step size; falls to zero along a cosine."""
    n_nets: int = Field(24, ge=1)
    """Random networks that see the image, and as many that see image and labels."""
    seed: int = Field(0, ge=0)
    """Of the samples."""


def match_features(
    network: DeformableTemplate,
    cases: Tensor,
    settings: FeatureSettings,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> DeformableTemplate:
    """Return a copy whose samples have, on average, the features of cases (n, C, *S) in -1..1.

    Parameters
    ----------
    progress
        Called after every step with its number and the loss.

    Raises
    ------
    DataError
        If there are fewer than eight cases, or they do not differ.
    DivergedError
        If numbers overflow, or the mean displacement becomes larger than the grid.

    Notes
    -----
    The loss is the squared difference of mean features in standard deviations of the cases', four
    networks drawn at each step: the product of the differences of two halves of a batch, so that
    what few samples vary by chance is not taken for a difference. At the end the spread of the
    labels and the spectrum are matched again (`match_samples`).
    """
    network = copy.deepcopy(network)
    if not settings.steps:
        return network
    eyes = _eyes(cases, settings.n_nets)
    if len(cases) < FEWEST or not eyes:
        raise DataError(
            f"the features of {len(cases)} training samples cannot be matched: {FEWEST} that "
            "differ are the least",
            where="features.steps",
            hint="Give more scans, or set features.steps to 0.",
        )
    parts = [_Part.of(network, name) for name in RATES]
    rates = [settings.lr * rate for rate in RATES.values()]
    adam = torch.optim.Adam(
        [{"params": [part.change], "lr": lr} for part, lr in zip(parts, rates, strict=True)],
        betas=(0.9, 0.99),
    )
    wanted = ends(cases).mean(dim=1)
    source = torch.Generator().manual_seed(settings.seed)
    for step in range(settings.steps):
        factor = (1 + math.cos(math.pi * step / settings.steps)) / 2
        for group, lr in zip(adam.param_groups, rates, strict=True):
            group["lr"] = lr * factor
        _put(network, parts)
        noise = torch.randn(settings.batch_size, network.latent, generator=source)
        drawn = network(noise)
        seen = as_seen(drawn)
        looking = torch.randperm(len(eyes), generator=source)[:N_LOOKED]
        loss = torch.stack([eyes[int(at)].difference(seen) for at in looking]).mean()
        off = (ends(drawn).mean(dim=1) - wanted).square().sum()
        pull = torch.stack([part.change.square().mean() for part in parts]).sum()
        adam.zero_grad()
        (loss + KEPT_RANGE * off + PULL * pull).backward()  # type: ignore[no-untyped-call]
        adam.step()
        if progress:
            progress(step + 1, {"features": float(loss.detach())})
    _put(network, parts)
    for part in parts:
        setattr(network, part.name, getattr(network, part.name).detach())
    network.template.clamp_(-1, 1)
    return match(network, cases)


def as_seen(images: Tensor) -> Tensor:
    """Bring the scan of (B, C, *S) to the range of its own percentiles, labels to 0..1.

    So does the evaluation: percentiles 0.5 and 99.5 become -1 and 1.
    """
    scans, labels = images[:, :1], images[:, 1:]
    low, high = (end.view(-1, *[1] * (scans.ndim - 1)) for end in ends(images).detach())
    scans = (2 * (scans - low) / (high - low).clamp_min(1e-6) - 1).clamp(-1, 1)
    return torch.cat([scans, (STEEPNESS * labels).sigmoid()], dim=1)


def ends(images: Tensor) -> Tensor:
    """Return the percentiles 0.5 and 99.5 (2, B) of the scans in images (B, C, *S)."""
    shares = images.new_tensor([0.005, 0.995])
    voxels = images[:, 0].flatten(1)
    return voxels[:, :: 1 + voxels.shape[1] // MOST_VOXELS].quantile(shares, dim=1)


@dataclass(frozen=True)
class _Eye:
    """A random network, what it sees of the first channels, and what it saw in the cases."""

    kernels: list[Tensor]
    channels: int
    mean: Tensor
    spread: Tensor
    kept: Tensor

    @classmethod
    def of(cls, cases: Tensor, net: int, channels: int) -> _Eye:
        kernels = random_kernels(net, channels, cases.ndim - 2)
        with torch.no_grad():
            rows = [features_of(part[:, :channels], kernels) for part in torch.split(cases, 16)]
        features = torch.cat(rows)
        spread = features.std(dim=0)
        kept = spread > 1e-6 * features.abs().amax()  # what never varies says nothing
        return cls(kernels, channels, features.mean(dim=0)[kept], spread[kept], kept)

    def difference(self, samples: Tensor) -> Tensor:
        """Return the squared difference of mean features, without bias."""
        features = features_of(samples[:, : self.channels], self.kernels)[:, self.kept]
        units = (features - self.mean) / self.spread
        half = len(units) // 2
        return (units[:half].mean(dim=0) * units[half:].mean(dim=0)).mean()


def _eyes(cases: Tensor, n_nets: int) -> list[_Eye]:
    """Return the networks of each sort that see any difference between cases."""
    seen = torch.cat([as_seen(part) for part in torch.split(cases, 16)])
    sorts = sorted({1, cases.shape[1]})
    eyes = [_Eye.of(seen, FIRST + net, sort) for sort in sorts for net in range(n_nets)]
    return [eye for eye in eyes if eye.kept.any()]


@dataclass(frozen=True)
class _Part:
    """A part of the network as it was, and what is added to it.

    What has places changes smoothly, on a quarter of the grid: single voxels would only gather what
    few samples vary by chance, as a pattern that all samples share.
    """

    name: str
    before: Tensor
    change: Tensor

    @classmethod
    def of(cls, network: DeformableTemplate, name: str) -> _Part:
        before: Tensor = getattr(network, name)
        sides = coarser(network.shape, 4) if before.ndim else ()
        change = before.new_zeros((*before.shape[:1], *sides))
        return cls(name, before, change.requires_grad_())

    def now(self) -> Tensor:
        if not self.before.ndim:
            return self.before + self.change
        return self.before + resize(self.change[None], self.before.shape[1:])[0]


def _put(network: DeformableTemplate, parts: list[_Part]) -> None:
    for part in parts:
        setattr(network, part.name, part.now())
    is_finite = all(getattr(network, part.name).isfinite().all() for part in parts)
    if not (is_finite and network.velocity.abs().amax() < max(network.shape)):
        raise DivergedError(
            "matching features led nowhere: numbers overflowed, or displacements are larger than "
            "the grid",
            where="features",
            hint="Lower features.lr, or set features.steps to 0.",
        )
