"""Linear prior and deformable template from prepared scans: no critic, nothing to take up again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from medgan.data.loading import stretch
from medgan.data.space import Space
from medgan.errors import DataError
from medgan.models.design import design
from medgan.models.info import MAX_WEIGHT_BYTES
from medgan.models.weights import size_of
from medgan.synthesis.condition_table import Known, condition_table
from medgan.synthesis.conditions import Condition, fit_conditions
from medgan.synthesis.fitted_recipes import FittedRecipe, PriorRecipe, TemplateRecipe
from medgan.training.fit_prior import fit_prior
from medgan.training.fit_template import fit_template
from medgan.training.template_settings import TemplateSettings

STORES_ALL = (
    "This prior stores the {n} training samples: whoever has its weights can compute every one of "
    "them. Keep it on the disk of whoever owns the scans; never ship or share it."
)
STORES_PART = (
    "This prior keeps {k} modes of {n} training samples, and much of each can be computed from its "
    "weights. Keep it on the disk of whoever owns the scans; never ship or share it."
)

Progress = Callable[[int, dict[str, float]], None]

Place = tuple[int, int | None]
"""A case, and in 2D one of its slices."""

TEMPLATE_KEEPS = (
    "This template keeps {k} modes of {n} training samples, and from its weights it can be told "
    "who they were (`medgan evaluate membership` says how surely): treat it as you treat the scans."
)
WAVES_KEEP = (
    "This template keeps averages of {n} training samples, and how their longest waves and near "
    "neighbours vary together. `medgan evaluate membership` says, by the attacks it knows, how "
    "surely that tells who they were; others may tell more."
)


@dataclass(frozen=True)
class Fitted:
    """A fitted network and what a model folder says of it.

    Parameters
    ----------
    settings
        Keyword arguments of the architecture.
    latent
        Length of its latent vector.
    n_steps
        Steps that the fit, or after it the training, took.
    notice
        What whoever uses it must know.
    conditions
        What can be asked for when cases are made.
    """

    network: nn.Module
    architecture: str
    settings: dict[str, Any]
    latent: int
    n_steps: int
    notice: str
    conditions: tuple[Condition, ...] = ()


def fit_network(
    recipe: FittedRecipe,
    space: Space,
    prepared: Any,
    known: Sequence[Known],
    progress: Progress | None = None,
) -> Fitted:
    """Fit what the recipe describes, on the CPU.

    Parameters
    ----------
    known
        Of each prepared case.

    Raises
    ------
    DataError
        If the prior would be too large for a model folder, or a condition is not known.
    """
    places = sample_places(prepared, space, recipe.max_samples)
    samples = stack_places(prepared, places)
    cases = [known[index] for index, _ in places]
    table = condition_table(recipe, cases, samples.numpy(), space)
    n = len(samples)
    if isinstance(recipe, TemplateRecipe):
        architecture, settings = template_design(recipe, space, n)
        check_size(architecture, settings)
        template, scores = fit_template(samples, recipe, progress)
        return Fitted(
            template,
            architecture,
            settings,
            template.latent,
            n_steps=recipe.registration.n_steps,
            notice=template_notice(template.n_modes, n, recipe.mode_waves),
            conditions=fit_conditions(table, scores.numpy()),
        )
    assert isinstance(recipe, PriorRecipe)
    latent = min(recipe.n_modes or n - 1, n - 1)
    settings = _common(space) | {"latent": latent, "n_quantiles": min(recipe.n_quantiles, n)}
    check_size("linear_prior", settings)
    prior = fit_prior(samples, recipe.n_modes, recipe.n_quantiles)
    notice = STORES_ALL if prior.latent == n - 1 else STORES_PART
    return Fitted(
        prior,
        "linear_prior",
        settings,
        prior.latent,
        n_steps=1,
        notice=notice.format(k=prior.latent, n=n),
        conditions=fit_conditions(table, prior.scores(samples).numpy()),
    )


def template_design(
    settings: TemplateSettings, space: Space, n_samples: int
) -> tuple[str, dict[str, Any]]:
    """Return architecture and settings of the network of a template of so many samples."""
    n_modes = settings.count_modes(space.shape, n_samples)
    return "deformable_template", _common(space) | {"n_modes": n_modes}


def template_notice(n_modes: int, n: int, waves: Sequence[int] | None) -> str:
    """Say what a template of so many samples has kept of them."""
    return (TEMPLATE_KEEPS if waves is None else WAVES_KEEP).format(k=n_modes, n=n)


def stack_samples(prepared: Any, space: Space, at_most: int) -> Tensor:
    """Return samples (n, C, *S) at `sample_places`."""
    return stack_places(prepared, sample_places(prepared, space, at_most))


def sample_places(prepared: Any, space: Space, at_most: int) -> list[Place]:
    """Return every scan, or in 2D every used slice, evenly thinned out: case and slice."""
    places: list[Place] = []
    for index in range(len(prepared)):
        if space.spatial_dims == 3:
            places.append((index, None))
        else:
            n_slices = prepared[index]["image"].shape[1]
            places += [(index, at) for at in stretch(n_slices, space.slice_range)]
    chosen = np.unique(np.linspace(0, len(places) - 1, min(at_most, len(places))).round())
    return [places[int(place)] for place in chosen]


def stack_places(prepared: Any, places: Sequence[Place]) -> Tensor:
    """Return the samples (n, C, *S) at given places."""
    samples = []
    for index, at in places:
        image = torch.as_tensor(np.asarray(prepared[index]["image"]))
        samples.append(image if at is None else image[:, at])
    return torch.stack(samples)


def _common(space: Space) -> dict[str, Any]:
    return {
        "spatial_dims": space.spatial_dims,
        "out_channels": space.n_channels,
        "shape": list(space.shape),
    }


def check_size(architecture: str, settings: dict[str, Any]) -> None:
    """Refuse what no model folder may hold before it is fitted.

    Raises
    ------
    DataError
        If the weights would be too large.
    """
    n_bytes = size_of(design(architecture, settings))
    if n_bytes > MAX_WEIGHT_BYTES:
        raise DataError(
            f"the model would take {n_bytes / 2**30:.1f} GiB, more than a model folder may hold",
            where="n_modes",
            hint="Set a smaller max_samples, n_modes or data.shape.",
        )
