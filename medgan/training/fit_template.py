"""Fit a deformable template: align, pull what is left back to the template, find joint modes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from medgan.networks.template import CURVE_END, N_CURVE, DeformableTemplate, coarser, spectrum
from medgan.networks.warp import finer, integrate, resize, warp
from medgan.training.fit_prior import principal_modes
from medgan.training.match_samples import match
from medgan.training.registration import Aligned, RegistrationSettings, learn_template
from medgan.training.wave_modes import N_CONTRASTS, contrast_basis, modes_of_waves, wave_basis

STRENGTH_SHARE = 0.1
"""Variance of the strength of the fine structure in the joint modes; velocity and appearance
have 1 each, so that neither's unit decides."""

N_PROJECTIONS = 5
"""How often appearance is taken out of what the template leaves: each time takes less."""

TINY = 1e-6
"""Floor of spreads that are divided by; far below a grey value of 8 bits (2/255 of -1..1)."""


def fit_template(
    cases: Tensor,
    settings: RegistrationSettings,
    n_modes: int,
    progress: Callable[[int, dict[str, float]], None] | None = None,
    *,
    waves: Sequence[int] | None = None,
) -> tuple[DeformableTemplate, Tensor]:
    """Fit the network to cases (n, C, *S) in -1..1, channel 0 the image; n at least 2.

    Parameters
    ----------
    n_modes
        Joint modes to keep, at most n - 1; what they leave is drawn as random fields.
    progress
        Called after every epoch of the alignment.
    waves
        Cosine waves along each axis that modes are made of, instead of `n_modes`; see `wave_modes`.

    Returns
    -------
    DeformableTemplate, Tensor
        The network, and the scores (n, k) of the cases on its modes, of mean 0 and spread 1.
    """
    aligned = learn_template(cases.float(), settings, progress)
    return describe(cases.float(), aligned, n_modes, waves)


def count_modes(
    shape: Sequence[int], n_cases: int, n_modes: int, waves: Sequence[int] | None = None
) -> int:
    """Return how many modes a template of so many cases has: with waves all of them."""
    if waves is None:
        return min(n_modes, n_cases - 1)
    kept = math.prod(min(pair) for pair in zip(coarser(shape, 2), waves, strict=True))
    return (len(shape) + 1) * kept + N_CONTRASTS + 1  # waves, contrasts, strength


@torch.no_grad()
def describe(
    cases: Tensor, aligned: Aligned, n_modes: int, waves: Sequence[int] | None = None
) -> tuple[DeformableTemplate, Tensor]:
    """Fit all but the alignment, which is given, and match the samples to the cases."""
    network, scores = _describe(cases, aligned, n_modes, waves)
    return match(network, cases), scores


@dataclass(frozen=True)
class _Parts:
    """Velocity, appearance (n, ., *half) and log strength (n,) of each case."""

    velocity: Tensor
    appearance: Tensor
    strength: Tensor

    def joint(self) -> tuple[Tensor, Tensor]:
        """Return the mean (D,) and the centred rows (n, D) of all parts side by side."""
        rows = torch.cat([part.flatten(1) for part in self.blocks()], dim=1)
        mean = rows.mean(dim=0)
        return mean, rows - mean

    def blocks(self) -> tuple[Tensor, Tensor, Tensor]:
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


def _describe(
    cases: Tensor, aligned: Aligned, n_modes: int, waves: Sequence[int] | None
) -> tuple[DeformableTemplate, Tensor]:
    n, channels, *shape = cases.shape
    n_modes = count_modes(shape, n, n_modes, waves)
    field = finer(integrate(aligned.velocity), shape)
    back = finer(integrate(-aligned.velocity), shape)
    template = aligned.template[:1].expand(n, 1, *shape)
    fine = cases[:, :1] - warp(template, field)
    appearance = fine.new_zeros(n, 1, *coarser(shape, 2))
    for _ in range(N_PROJECTIONS):
        # Back to the template and averaged; once more with what that leaves, as an average is
        # no projection, and shared variance would be drawn in neither part.
        more = _halve(warp(fine, back))
        appearance, fine = appearance + more, fine - warp(resize(more, shape), field)
    strength = (fine.square().flatten(1).mean(dim=1) + TINY**2).sqrt().log()
    parts = _Parts(aligned.velocity, appearance, strength)
    mean, centred = parts.joint()
    weights = parts.weights()
    sizes = [part[0].numel() for part in parts.blocks()]
    if waves is None:
        modes = principal_modes(centred * weights, n_modes) / weights
        modes, scores, left = _explained(centred, modes, weights)
    else:
        shapes = [part.shape[1:] for part in parts.blocks()]
        basis = wave_basis(shapes, waves)
        average = _halve(aligned.template[None, :1])[0]
        contrasts = contrast_basis(basis, average, slice(sizes[0], sizes[0] + sizes[1]))
        modes, scores, left = modes_of_waves(centred, torch.cat([basis, contrasts]), weights)

    network = DeformableTemplate(len(shape), channels, shape, n_modes)
    state = network.state_dict() | {"template": aligned.template}  # gains are fitted last
    for name, part, values, several, rest in zip(
        ("velocity", "appearance", "strength"),
        parts.blocks(),
        torch.split(mean, sizes),
        torch.split(modes, sizes, dim=1),
        torch.split(left, sizes, dim=1),
        strict=True,
    ):
        state[name] = values.view(part.shape[1:])
        state[f"{name}_modes"] = several.reshape(n_modes, *part.shape[1:])
        if name != "strength":
            spread, amplitude = _stationary(rest.reshape(part.shape), n - 1)
            state |= {f"{name}_spread": spread, f"{name}_spectrum": amplitude}
    state["strength"] = state["strength"].squeeze()
    state["strength_modes"] = state["strength_modes"].squeeze(1)
    state |= _fine(fine, field, back, strength)
    network.load_state_dict(state)
    return network.eval(), scores


def _halve(images: Tensor) -> Tensor:
    """Average over neighbours, then take every second voxel (or as the half grid has them)."""
    return resize(_smooth(images), coarser(images.shape[2:], 2))


def _smooth(images: Tensor) -> Tensor:
    """Average over the 3 x 3 (x 3) neighbourhood, as far as it lies inside."""
    pool = functional.avg_pool2d if images.ndim == 4 else functional.avg_pool3d
    # Padded here: in 3D the library takes no side shorter than its window, padded or not.
    border = (1, 1) * (images.ndim - 2)
    inside = functional.pad(torch.ones_like(images[:1, :1]), border)
    return pool(functional.pad(images, border), 3, stride=1) / pool(inside, 3, stride=1)


def _fine(fine: Tensor, field: Tensor, back: Tensor, strength: Tensor) -> dict[str, Tensor]:
    """Return spread in template space, spectrum and distribution of the fine structure."""
    unit = fine / strength.exp().view(-1, *[1] * (fine.ndim - 1))
    variance = warp(unit.square(), back).mean(dim=0)
    spread = _smooth(variance[None])[0].clamp_min(0).sqrt()
    unit = unit / warp(spread.expand_as(unit), field).clamp_min(TINY)
    ordered = unit.flatten().sort().values
    ranks = torch.special.ndtr(torch.linspace(-CURVE_END, CURVE_END, N_CURVE))
    curve = ordered[(ranks * (len(ordered) - 1)).round().long()]
    return {
        "fine_spread": spread,
        "fine_spectrum": spectrum(unit),
        "fine_curve": curve,
    }


def _stationary(left: Tensor, n_free: int) -> tuple[Tensor, Tensor]:
    """Return spread (C, *S) and spectrum of fields (n, C, *S) of mean zero."""
    variance = left.square().sum(dim=0) / n_free
    spread = _smooth(variance[None])[0].sqrt()
    return spread, spectrum(left / spread.clamp_min(TINY))


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
