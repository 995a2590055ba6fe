"""How odd a template holds cases to be: those that it was fitted to look less odd to it.

Modes and covariances are found in the training cases, and fit those better than others of the same
kind, however far the nearest sample stays from either.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from medgan.networks.template import DeformableTemplate
from medgan.training.case_parts import Parts, take_apart
from medgan.training.registration import RegistrationSettings, align

RIDGE = 1e-4
"""Of the least squares of scores, relative to the mean square of a mode: modes that hardly
differ would give scores without bounds."""

TINY = 1e-12
"""Floor of what is divided by, where a template has no modes or no fields."""

BATCH = 8
"""Cases of which fields are looked at together: bounds memory."""


@dataclass(frozen=True)
class Oddness:
    """Of each case (n,), the lower the less odd.

    Parameters
    ----------
    scores
        Squared length of the scores of its modes; of samples the mean is the number of modes. Of
        principal modes of few cases, unseen ones have little and are the shorter: there the
        distance to the nearest sample is what tells.
    fields
        x^T x / x^T C x, where x is what the modes leave of velocity and appearance, each in units
        in which its variances over the cases add up to 1, and C the covariance that such fields are
        drawn with.
    """

    scores: Tensor
    fields: Tensor


def oddness(network: DeformableTemplate, cases: Tensor, settings: RegistrationSettings) -> Oddness:
    """Align cases (n, C, *S) to a template, and hold what is found against modes and fields.

    Parameters
    ----------
    settings
        Of the alignment, as the template was fitted with.
    """
    several = []
    for batch in torch.split(cases, settings.batch_size):
        parts = take_apart(batch, align(network.template, batch, settings)).parts
        several.append((parts.velocity, parts.appearance, parts.strength))
    return of_parts(network, Parts(*(torch.cat(part) for part in zip(*several, strict=True))))


@torch.no_grad()
def of_parts(network: DeformableTemplate, parts: Parts) -> Oddness:
    """Return how odd aligned cases are by their parts."""
    mean = Parts(network.velocity[None], network.appearance[None], network.strength.view(1))
    modes = Parts(network.velocity_modes, network.appearance_modes, network.strength_modes)
    rows, weights = parts.rows() - mean.rows(), parts.weights()
    scaled = (modes.rows() * weights).double()
    gram = scaled @ scaled.T
    gram.diagonal().add_(RIDGE * gram.diagonal().mean() + TINY)
    scores = torch.linalg.solve(gram, scaled @ (rows * weights).double().T).T
    left = (rows - scores.to(rows.dtype) @ modes.rows()) * weights

    def fields_of(columns: Tensor) -> Tensor:
        return columns[:, :-1].reshape(len(columns), -1, *network.velocity.shape[1:])

    weighted = torch.split(fields_of(left * weights), BATCH)
    power = torch.cat([network.rest_power(part) for part in weighted])
    size = fields_of(left).square().flatten(1).sum(dim=1)
    return Oddness(scores.square().sum(dim=1), size / power.clamp_min(TINY))
