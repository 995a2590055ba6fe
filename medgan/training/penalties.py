"""Zero-centred gradient penalties that keep a discriminator smooth where data are few."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def gradient_penalty(
    discriminator: Callable[[Tensor], Tensor], images: Tensor, signs: Tensor | None = None
) -> Tensor:
    """Return the mean over samples of |d D(x) / d x|^2, with a graph for its own gradient.

    Parameters
    ----------
    discriminator
        (B, C, *S) to logits of any shape.
    images
        (B, C, *S), real (R1) or generated (R2).
    signs
        (P,) of +1 and -1, drawn anew each time, for the P logits of a sample: the penalty is then,
        in expectation, the mean over logits of the squared gradient of each. None: the logits of
        one sample are averaged first.

    Notes
    -----
    Mescheder, Geiger and Nowozin 2018, eq. 9 and 10, without the factor gamma/2. The sum runs over
    all dimensions but the first, in 2D and 3D alike.

    The gradient of an average of many places is small however steep each of them is, where they
    point different ways. With random signs the mixed terms vanish in expectation (Hutchinson 1990),
    and one backward pass is enough.
    """
    leaf = images.detach().requires_grad_(True)
    places = discriminator(leaf).reshape(len(leaf), -1)
    if signs is None:
        score = places.mean(dim=1).sum()
    else:
        score = (places * signs).sum() / math.sqrt(places.shape[1])
    (gradient,) = torch.autograd.grad(score, leaf, create_graph=True)
    return gradient.square().sum(dim=tuple(range(1, gradient.ndim))).mean()
