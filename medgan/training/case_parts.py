"""What a case is made of beside a template: a velocity, an appearance, and fine structure."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medgan.networks.template import coarser
from medgan.networks.warp import finer, integrate, resize, warp
from medgan.training.registration import Aligned

STRENGTH_SHARE = 0.1
"""Variance of the strength of the fine structure in the joint modes; velocity and appearance
have 1 each, so that neither's unit decides."""

N_PROJECTIONS = 5
"""How often appearance is taken out of what the template leaves: each time takes less."""

TINY = 1e-6
"""Floor of spreads that are divided by; far below a grey value of 8 bits (2/255 of -1..1)."""


@dataclass(frozen=True)
class Parts:
    """Velocity, appearance (n, ., *half) and log strength (n,) of each case."""

    velocity: Tensor
    appearance: Tensor
    strength: Tensor

    def rows(self) -> Tensor:
        """Return all parts side by side (n, D)."""
        return torch.cat([part.flatten(1) for part in self.blocks()], dim=1)

    def blocks(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the parts, each (n, ...)."""
        return self.velocity, self.appearance, self.strength[:, None]

    def weights(self) -> Tensor:
        """Return the factor on each column (D,) by which the parts have their shares of variance.

        A part that does not vary at all is left as it is.
        """
        factors = []
        for part, share in zip(self.blocks(), (1.0, 1.0, STRENGTH_SHARE), strict=True):
            total = part.flatten(1).var(dim=0).sum()
            factor = (share / total).sqrt() if total > TINY**2 else torch.ones(())
            factors.append(factor.expand(part[0].numel()))
        return torch.cat(factors)


@dataclass(frozen=True)
class Apart:
    """Cases taken apart.

    Parameters
    ----------
    parts
        Of each case.
    fine
        (n, 1, *S): what template and appearance leave of the image.
    field, back
        (n, D, *S): the displacements, and their inverses.
    """

    parts: Parts
    fine: Tensor
    field: Tensor
    back: Tensor


@torch.no_grad()
def take_apart(cases: Tensor, aligned: Aligned) -> Apart:
    """Take cases (n, C, *S) apart that are aligned to a template."""
    n, _, *shape = cases.shape
    field = finer(integrate(aligned.velocity), shape)
    back = finer(integrate(-aligned.velocity), shape)
    template = aligned.template[:1].expand(n, 1, *shape)
    fine = cases[:, :1] - warp(template, field)
    appearance = fine.new_zeros(n, 1, *coarser(shape, 2))
    for _ in range(N_PROJECTIONS):
        # Back to the template and averaged; once more with what that leaves, as an average is
        # no projection, and shared variance would be drawn in neither part.
        more = halve(warp(fine, back))
        appearance, fine = appearance + more, fine - warp(resize(more, shape), field)
    strength = (fine.square().flatten(1).mean(dim=1) + TINY**2).sqrt().log()
    return Apart(Parts(aligned.velocity, appearance, strength), fine, field, back)


def halve(images: Tensor) -> Tensor:
    """Average over neighbours, then take every second voxel (or as the half grid has them)."""
    return resize(smooth(images), coarser(images.shape[2:], 2))


def smooth(images: Tensor) -> Tensor:
    """Average over the 3 x 3 (x 3) neighbourhood, as far as it lies inside."""
    pool = functional.avg_pool2d if images.ndim == 4 else functional.avg_pool3d
    # Padded here: in 3D the library takes no side shorter than its window, padded or not.
    border = (1, 1) * (images.ndim - 2)
    inside = functional.pad(torch.ones_like(images[:1, :1]), border)
    return pool(functional.pad(images, border), 3, stride=1) / pool(inside, 3, stride=1)
