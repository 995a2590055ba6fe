"""Give the images of a refined template the variance of real ones, band by band and place by place.

An average of weights over many steps makes less texture than each of them did, and a critic is
slow to ask for the last tenth of it. Measured on samples against the training set, never against
anything else.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from medgan.networks.haar import haar
from medgan.networks.refined_template import RefinedTemplate

N_DRAWN = 100
"""Samples that are compared with the training set."""

SEED = 0
"""Of those samples: the same cases give the same network."""

SMALLEST, LARGEST = 0.5, 2.0
"""Bounds of the factor on what is added: it corrects, and makes no images by itself."""

TINY = 1e-12
"""Variance below which nothing is scaled."""


@torch.no_grad()
def match_bands(network: RefinedTemplate, cases: Tensor) -> None:
    """Set `refiner.band_scale` by the training cases (n, C, *S), channel 0 the image."""
    band_scale = network.refiner.band_scale
    band_scale.fill_(1)
    source = torch.Generator().manual_seed(SEED)
    drawn, added = [], []
    for _ in range(N_DRAWN):
        z = torch.randn(1, network.latent, generator=source).to(band_scale.device)
        for_template, noise = network.split(z)
        samples, texture = network.template.parts(for_template)
        made = network.refiner(samples, texture, noise)
        # Cut as delivered: real images are, and uncut ones vary more where they are bright or dark.
        made, image = made[:, :1].clamp(-1, 1), samples[:, :1].clamp(-1, 1)
        drawn.append(haar(image).cpu())
        added.append(haar(made - image).cpu())
    real = haar(cases[:, :1]).cpu()
    scale = scale_to_vary(torch.cat(drawn), torch.cat(added), real, band_scale.shape[1:])
    band_scale.copy_(scale[0])


def scale_to_vary(drawn: Tensor, added: Tensor, real: Tensor, regions: Sequence[int]) -> Tensor:
    """Return the factors (1, C, *regions) on `added` at which sums vary as real images do.

    Parameters
    ----------
    drawn, added
        (n, C, *S), parts of samples whose sum is the sample.
    real
        (m, C, *S).
    regions
        How many there are along each axis.

    Notes
    -----
    With b drawn and a added, c solves var(b + c a) = var(real), the variances over samples and
    averaged over a region; 0.5 to 2.
    """
    of_drawn, of_added, wanted = (_regional(part, regions) for part in (drawn, added, real))
    covariance = (_regional(drawn + added, regions) - of_drawn - of_added) / 2
    root = (covariance.square() + of_added * (wanted - of_drawn)).clamp_min(0).sqrt()
    scale = ((root - covariance) / of_added.clamp_min(TINY)).clamp(SMALLEST, LARGEST)
    return torch.where(of_added > TINY, scale, 1.0)


def _regional(images: Tensor, regions: Sequence[int]) -> Tensor:
    """Return the variance over (n, C, *S), averaged over regions, (1, C, *regions)."""
    return functional.interpolate(images.var(dim=0)[None], tuple(regions), mode="area")
