"""Fit a deformable template: align, pull what is left back to the template, find joint modes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import torch
from torch import Tensor

from medgan.networks.template import (
    CURVE_END,
    N_CURVE,
    N_FIELDS,
    DeformableTemplate,
    coarser,
    spectrum,
)
from medgan.networks.warp import warp
from medgan.training.case_parts import TINY, Apart, halve, smooth, take_apart
from medgan.training.fit_fields import FieldSettings, fit_fields
from medgan.training.fit_prior import principal_modes
from medgan.training.match_samples import match
from medgan.training.registration import Aligned, learn_template
from medgan.training.template_settings import TemplateSettings
from medgan.training.wave_modes import contrast_basis, modes_of_waves, wave_basis


def fit_template(
    cases: Tensor,
    settings: TemplateSettings,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[DeformableTemplate, Tensor]:
    """Fit the network to cases (n, C, *S) in -1..1, channel 0 the image; n at least 2.

    Parameters
    ----------
    progress
        Called after every epoch of the alignment with its loss, then once the rest is fitted, and
        once samples are matched.

    Returns
    -------
    DeformableTemplate, Tensor
        The network, and the scores (n, k) of the cases on its modes, of mean 0 and spread 1.
    """
    aligned = learn_template(cases.float(), settings.registration, progress)
    steps = count(settings.registration.epochs + 1)

    def after_epochs() -> None:
        if progress:
            progress(next(steps), {})

    return describe(cases.float(), aligned, settings, after_epochs)


@torch.no_grad()
def describe(
    cases: Tensor,
    aligned: Aligned,
    settings: TemplateSettings,
    progress: Callable[[], None] | None = None,
) -> tuple[DeformableTemplate, Tensor]:
    """Fit all but the alignment, which is given, and match the samples to the cases.

    `progress` is called after each of the two.
    """
    network, scores = _describe(cases, aligned, settings)
    if progress:
        progress()
    network = match(network, cases)
    if progress:
        progress()
    return network, scores


def _describe(
    cases: Tensor, aligned: Aligned, settings: TemplateSettings
) -> tuple[DeformableTemplate, Tensor]:
    n, channels, *shape = cases.shape
    n_modes, waves = settings.count_modes(shape, n), settings.mode_waves
    apart = take_apart(cases, aligned)
    parts = apart.parts
    mean = parts.rows().mean(dim=0)
    centred = parts.rows() - mean
    weights = parts.weights()
    sizes = [part[0].numel() for part in parts.blocks()]
    if waves is None:
        modes = principal_modes(centred * weights, n_modes) / weights
        modes, scores, left = _explained(centred, modes, weights)
    else:
        shapes = [part.shape[1:] for part in parts.blocks()]
        basis = wave_basis(shapes, waves)
        average = halve(aligned.template[None, :1])[0]
        contrasts = contrast_basis(basis, average, slice(sizes[0], sizes[0] + sizes[1]))
        modes, scores, left = modes_of_waves(centred, torch.cat([basis, contrasts]), weights)

    network = DeformableTemplate(len(shape), channels, shape, n_modes)
    state = network.state_dict() | {"template": aligned.template}  # gains are fitted last
    for name, part, values, several in zip(
        ("velocity", "appearance", "strength"),
        parts.blocks(),
        torch.split(mean, sizes),
        torch.split(modes, sizes, dim=1),
        strict=True,
    ):
        state[name] = values.view(part.shape[1:])
        state[f"{name}_modes"] = several.reshape(n_modes, *part.shape[1:])
    rest = left[:, : sum(sizes[:2])].reshape(n, -1, *coarser(shape, 2))
    state["rest_amounts"], state["rest_spectrum"] = _fit_rest(
        rest, aligned.template, settings.fields
    )
    state["strength"] = state["strength"].squeeze()
    state["strength_modes"] = state["strength_modes"].squeeze(1)
    state |= _fine(apart)
    network.load_state_dict(state)
    return network.eval(), scores


def _fine(apart: Apart) -> dict[str, Tensor]:
    """Return spread in template space, spectrum and distribution of the fine structure."""
    unit = apart.fine / apart.parts.strength.exp().view(-1, *[1] * (apart.fine.ndim - 1))
    variance = warp(unit.square(), apart.back).mean(dim=0)
    spread = smooth(variance[None])[0].clamp_min(0).sqrt()
    unit = unit / warp(spread.expand_as(unit), apart.field).clamp_min(TINY)
    ordered = unit.flatten().sort().values
    ranks = torch.special.ndtr(torch.linspace(-CURVE_END, CURVE_END, N_CURVE))
    curve = ordered[(ranks * (len(ordered) - 1)).round().long()]
    return {
        "fine_spread": spread,
        "fine_spectrum": spectrum(unit),
        "fine_curve": curve,
    }


def _fit_rest(left: Tensor, template: Tensor, settings: FieldSettings) -> tuple[Tensor, Tensor]:
    """Return amounts and spectra of the fields that (n, D + 1, *half) of mean 0 are drawn from."""
    variance = left.square().sum(dim=0) / (len(left) - 1)
    spread = smooth(variance[None])[0].sqrt()
    amounts, amplitudes = fit_fields(left / spread.clamp_min(TINY), template, N_FIELDS, settings)
    return amounts * spread, amplitudes


def _explained(rows: Tensor, modes: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return modes on which the scores of rows (n, D) have spread 1, those scores, and the rest.

    Scores by least squares of weighted columns; the modes (k, D) need not be orthogonal.
    """
    if not len(modes):
        return modes, rows.new_zeros(len(rows), 0), rows
    solved = torch.linalg.lstsq(((modes * weights).T).double(), ((rows * weights).T).double())
    scores: Tensor = solved.solution.T
    covariance = scores.T @ scores / (len(rows) - 1)
    values, vectors = torch.linalg.eigh(covariance)
    # The symmetric root: modes that are right as they are stay as they are.
    size = values.clamp_min(0).sqrt()
    root = (vectors * size) @ vectors.T
    unit = scores @ ((vectors / size.clamp_min(TINY)) @ vectors.T)
    left = rows - scores.to(rows.dtype) @ modes
    return root.to(modes.dtype) @ modes, unit.to(modes.dtype), left
