"""Learn one template and, for every case, the displacement under which it looks like that case.

By gradient, template and displacements together, as in template estimation by large groups
(Joshi et al. 2004), the displacements by way of stationary velocities (Arsigny et al. 2006;
Dalca et al. 2019, arXiv 1903.03148, without its network: a few hundred cases are few enough to
hold a field for each).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from pydantic import Field
from torch import Tensor

from medgan.errors import DivergedError
from medgan.networks.template import coarser
from medgan.networks.warp import finer, integrate, warp
from medgan.settings import Settings


class RegistrationSettings(Settings):
    """How the template is learned."""

    epochs: int = Field(30, ge=1, le=100_000)
    """How often each case is visited."""
    batch_size: int = Field(10, ge=1)
    """Cases a step."""
    displacement_lr: float = Field(0.15, gt=0)
    """Adam step size of the displacements, voxels."""
    template_lr: float = Field(0.03, gt=0)
    """Adam step size of the template, in units of network space."""
    label_weight: float = Field(4.0, ge=0)
    """Weight of the squared error of label channels beside that of the image."""
    smoothness: float = Field(0.1, ge=0)
    """Weight of the squared gradient of the velocity."""

    @property
    def n_steps(self) -> int:
        """How many steps the progress of a whole fit counts: epochs, random fields, matching."""
        return self.epochs + 2


ROUNDING = 1e-3
"""Gradients, summed over voxels, are about as large as errors are: below this they are rounding,
which Adam would blow up to whole steps where cases are alike."""


@dataclass(frozen=True)
class Aligned:
    """A template and the velocities that take it to each case.

    Parameters
    ----------
    template
        (C, *S).
    velocity
        (n, D, *half) in voxels of half the grid; see `networks.warp.integrate`.
    """

    template: Tensor
    velocity: Tensor


def learn_template(
    cases: Tensor,
    settings: RegistrationSettings,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> Aligned:
    """Fit template and displacements to cases (n, C, *S), channel 0 the image.

    Parameters
    ----------
    progress
        Called after every epoch with its number and the mean loss.

    Raises
    ------
    DivergedError
        If numbers are not finite in the end, or a displacement is larger than the grid.

    Notes
    -----
    Fields live on grids of half and of a quarter of the size, summed, so that large shifts are
    found first. After every epoch the mean velocity is taken out, which the template could follow
    anywhere: it stays in the middle of the cases, and that of identical cases is they themselves.
    """
    template = cases.mean(dim=0).requires_grad_()
    adam = torch.optim.Adam([template], settings.template_lr)
    batches = [_Fields.zero(part, settings) for part in torch.split(cases, settings.batch_size)]
    for epoch in range(settings.epochs):
        factor = _rate(epoch, settings)
        adam.param_groups[0]["lr"] = settings.template_lr * factor
        total = 0.0
        for batch in batches:
            adam.zero_grad()
            total += _step(template, batch, factor, settings) * len(batch.cases)
            _drop_rounding(template)
            adam.step()
        _centre(batches)
        if progress:
            progress(epoch + 1, {"loss": total / cases[:, 0].numel()})
    with torch.no_grad():
        velocity = torch.cat([batch.velocity() for batch in batches])
    _check_sane(template, velocity)
    return Aligned(template.detach().clamp(-1, 1), velocity)


def align(template: Tensor, cases: Tensor, settings: RegistrationSettings) -> Aligned:
    """Find the displacements from a template (C, *S) that stays as it is to cases (n, C, *S).

    As `learn_template` finds them, but that their mean is not taken out.

    Raises
    ------
    DivergedError
        As there.
    """
    batches = [_Fields.zero(part, settings) for part in torch.split(cases, settings.batch_size)]
    for batch in batches:
        for epoch in range(settings.epochs):
            _step(template, batch, _rate(epoch, settings), settings)
    velocity = torch.cat([batch.velocity().detach() for batch in batches])
    _check_sane(template, velocity)
    return Aligned(template, velocity)


@dataclass
class _Fields:
    """The velocities of one batch of cases, on two grids, and what moves them."""

    cases: Tensor
    half: Tensor
    quarter: Tensor
    adam: torch.optim.Adam = field(init=False)

    def __post_init__(self) -> None:
        self.adam = torch.optim.Adam([self.half, self.quarter])

    @classmethod
    def zero(cls, cases: Tensor, settings: RegistrationSettings) -> _Fields:
        shape = cases.shape[2:]
        half = cases.new_zeros(len(cases), len(shape), *coarser(shape, 2))
        quarter = cases.new_zeros(len(cases), len(shape), *coarser(shape, 4))
        return cls(cases, half.requires_grad_(), quarter.requires_grad_())

    def velocity(self) -> Tensor:
        return self.half + finer(self.quarter, self.half.shape[2:])


def _check_sane(template: Tensor, velocity: Tensor) -> None:
    is_sane = velocity.abs().amax() < max(template.shape[1:])  # never where it is not a number
    if not (is_sane and template.isfinite().all()):
        raise DivergedError(
            "template and scans do not align: displacements overflowed, or exceed the grid",
            where="registration",
            hint="Lower registration.displacement_lr and registration.template_lr.",
        )


def _rate(epoch: int, settings: RegistrationSettings) -> float:
    """Return the share of the step sizes that is left, along a cosine."""
    return (1 + math.cos(math.pi * epoch / settings.epochs)) / 2


def _step(template: Tensor, batch: _Fields, factor: float, settings: RegistrationSettings) -> float:
    """Move the velocities of a batch, and return the loss; a template gets its gradient."""
    batch.adam.param_groups[0]["lr"] = settings.displacement_lr * factor
    batch.adam.zero_grad()
    loss = _loss(template, batch, settings)
    loss.backward()  # type: ignore[no-untyped-call]
    for parameter in (batch.half, batch.quarter):
        _drop_rounding(parameter)
    batch.adam.step()
    return float(loss.detach())


def _drop_rounding(parameter: Tensor) -> None:
    """Set gradients to zero that are no more than rounding."""
    assert parameter.grad is not None
    parameter.grad.masked_fill_(parameter.grad.abs() < ROUNDING, 0)


@torch.no_grad()
def _centre(batches: list[_Fields]) -> None:
    """Take the mean over all cases out of the velocities."""
    n = sum(len(batch.cases) for batch in batches)
    for name in ("half", "quarter"):
        fields: list[Tensor] = [getattr(batch, name) for batch in batches]
        mean = torch.stack([one.sum(dim=0) for one in fields]).sum(dim=0) / n
        for one in fields:
            one -= mean


def _loss(template: Tensor, batch: _Fields, settings: RegistrationSettings) -> Tensor:
    velocity = batch.velocity()
    full = finer(integrate(velocity), batch.cases.shape[2:])
    warped = warp(template.expand_as(batch.cases), full)
    error = (warped - batch.cases).square()
    loss = error[:, 0].sum()
    n_classes = error.shape[1] - 1
    if n_classes:
        loss = loss + settings.label_weight / n_classes * error[:, 1:].sum()
    n_dims = velocity.shape[1]
    steepness = [velocity.diff(dim=2 + axis).square().sum(dim=1).mean() for axis in range(n_dims)]
    weight = settings.smoothness * batch.cases[:, 0].numel()
    return (loss + weight * torch.stack(steepness).sum()) / len(batch.cases)
