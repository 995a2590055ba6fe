"""Zero-centred gradient penalties that keep a discriminator smooth where data are few."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Return the mean over samples of |d D(x) / d x|^2, with a graph for its own gradient.

    Parameters
    ----------
    discriminator
        (B, C, *S) to logits of any shape; the logits of one sample are averaged over their places,
        so that the penalty does not depend on how many patches there are.
    images
        (B, C, *S), real (R1) or generated (R2).

    Notes
    -----
    Mescheder, Geiger and Nowozin 2018, eq. 9 and 10, without the factor gamma/2. The sum runs over
    all dimensions but the first, in 2D and 3D alike.
    """
    leaf = images.detach().requires_grad_(True)
    logits = discriminator(leaf)
    score = logits.reshape(len(logits), -1).mean(dim=1).sum()
    (gradient,) = torch.autograd.grad(score, leaf, create_graph=True)
    return gradient.square().sum(dim=tuple(range(1, gradient.ndim))).mean()
