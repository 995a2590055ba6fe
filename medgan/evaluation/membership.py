"""Can it be told from a model's weights which cases it was fitted to? White-box membership.

Whoever holds the weights can look for the latent vector that comes nearest to a case, and, of a
template, ask how likely it holds a case to be. A model that has kept its training cases gets nearer
to them than to others of the same kind, or holds them more likely; how often it does is an area
under a curve: 0.5 is a coin, 1 tells every one of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.evaluation.oddness import oddness
from medgan.evaluation.two_sample import auc_with_error
from medgan.networks.prior import LinearPrior
from medgan.networks.refined_template import RefinedTemplate
from medgan.networks.template import DeformableTemplate
from medgan.training.registration import RegistrationSettings

Errors = dict[str, NDArray[np.float64]]
"""Mean squared error of each case, by what is compared: `joint`, `image`, `labels`."""

STEPS, RATE = 80, 0.1
"""Steps and step size of Adam. The latent is standard normal, so a step is a tenth of its spread;
from zero it gets anywhere that samples lie in 80."""

BATCH = 8


@dataclass(frozen=True)
class Membership:
    """How well training cases are told from unseen ones by what is compared.

    Parameters
    ----------
    name
        `joint`, `image` or `labels`: distance to the nearest sample. Of a template also `scores`
        and `fields`: how odd it is held to be (`evaluation.oddness`).
    auc, se
        Probability that a training case is nearer, or held less odd, than an unseen one, with
        its standard error.
    train_median, unseen_median
        Of the distances, mean squared errors in squared units of network space; or of what
        `evaluation.oddness` says.
    """

    name: str
    auc: float
    se: float
    train_median: float
    unseen_median: float


def membership(
    network: nn.Module,
    train: Tensor,
    unseen: Tensor,
    registration: RegistrationSettings | None = None,
) -> tuple[Membership, ...]:
    """Try to tell training cases from unseen ones by the weights of a generator.

    Parameters
    ----------
    network
        Latent vectors (B, latent) to samples in -1..1.
    train, unseen
        (n, C, *S) prepared as for training, channel 0 the image.
    registration
        Settings that a template was fitted with; None: the defaults.

    Notes
    -----
    Of a linear prior the reconstruction is a projection onto its modes. Of a template, refined or
    not, only the scores of its modes are looked for, all noise being 0: noise reaches any case, and
    so tells nothing. Of other networks the whole latent is.
    """
    errors = [reconstruction_errors(network, cases) for cases in (train, unseen)]
    found = [compare(name, errors[0][name], errors[1][name]) for name in errors[0]]
    sizes = [len(train), len(unseen)]
    template = network.template if isinstance(network, RefinedTemplate) else network
    if isinstance(template, DeformableTemplate):
        settings = registration or RegistrationSettings()
        odd = oddness(template, torch.cat([train, unseen]), settings)
        found += [
            compare(name, *(part.numpy() for part in torch.split(values.double(), sizes)))
            for name, values in (("scores", odd.scores), ("fields", odd.fields))
        ]
    return tuple(found)


def compare(name: str, train: NDArray[np.float64], unseen: NDArray[np.float64]) -> Membership:
    """Compare values (n,) of training cases with (m,) of unseen ones; low is near, or not odd."""
    found = auc_with_error(train, unseen)
    return Membership(
        name, found.value, found.se, float(np.median(train)), float(np.median(unseen))
    )


def reconstruction_errors(network: nn.Module, cases: Tensor) -> Errors:
    """Return how far the nearest sample of a network stays from each case (n, C, *S)."""
    if isinstance(network, LinearPrior):
        return errors_of(project(network.mean, network.modes, cases), cases)
    latent = network.latent
    n_searched = getattr(network, "n_modes", latent)
    assert isinstance(latent, int)
    assert isinstance(n_searched, int)

    def decode(z: Tensor) -> Tensor:
        samples: Tensor = network(torch.nn.functional.pad(z, (0, latent - n_searched)))
        return samples

    found = [search(decode, n_searched, part) for part in torch.split(cases, BATCH)]
    return errors_of(torch.cat(found), cases)


def project(mean: Tensor, modes: Tensor, cases: Tensor) -> Tensor:
    """Return the nearest points to cases (n, *) in the span of modes (k, D) about a mean (D,)."""
    centred = (cases.flatten(1) - mean).double()
    basis, _ = torch.linalg.qr(modes.double().T)
    nearest: Tensor = mean + (centred @ basis) @ basis.T
    return nearest.view_as(cases).to(cases.dtype)


def search(
    decode: Callable[[Tensor], Tensor], latent: int, cases: Tensor, steps: int = STEPS
) -> Tensor:
    """Return the nearest sample to each case (n, *) that gradient descent finds from latent 0.

    Parameters
    ----------
    decode
        (n, latent) to samples (n, *), differentiable, each row by itself.
    latent
        Length of what is searched; 0: there is one sample only.
    steps
        Of Adam, its rate falling to zero along a cosine.
    """
    z = torch.zeros(len(cases), latent, device=cases.device, requires_grad=True)
    if latent:
        adam = torch.optim.Adam([z], RATE)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
        for _ in range(steps):
            loss = (decode(z) - cases).square().flatten(1).mean(dim=1).sum()
            (z.grad,) = torch.autograd.grad(loss, [z])
            adam.step()
            schedule.step()
    with torch.no_grad():
        found: Tensor = decode(z)
    return found


def errors_of(found: Tensor, cases: Tensor) -> Errors:
    """Return the mean squared errors of reconstructions (n, C, *S) by what is compared."""
    squares = (found - cases).double().square().flatten(2).mean(dim=2)
    errors = {"joint": squares.mean(dim=1), "image": squares[:, 0]}
    if squares.shape[1] > 1:
        errors["labels"] = squares[:, 1:].mean(dim=1)
    return {name: values.numpy() for name, values in errors.items()}
