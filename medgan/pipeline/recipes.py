"""Training recipes of every kind: found by file or by name, checked, and how long they take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from medgan.errors import ConfigError
from medgan.pipeline.inputs import files_of_model
from medgan.settings import find, override, parse, read_yaml

if TYPE_CHECKING:
    from medgan.restoration import DenoiserRecipe, RestorerRecipe, SlabRecipe
    from medgan.synthesis import PriorRecipe, SynthesizeRecipe, TemplateGanRecipe, TemplateRecipe

    Restoration = RestorerRecipe | SlabRecipe | DenoiserRecipe
    Recipe = Restoration | SynthesizeRecipe | TemplateGanRecipe | PriorRecipe | TemplateRecipe

OF_VOLUMES = ("restoration", "slabs", "denoising")
"""Kinds that learn from whole scans."""

FITTED = ("prior", "template")
"""Kinds that are fitted at once and have no steps to share."""

KINDS = (*OF_VOLUMES, "synthesis", "template_gan", *FITTED)


def read_recipe(name: str, assignments: Sequence[str] = ()) -> Recipe:
    """Read a training recipe by file or by name.

    Raises
    ------
    ConfigError
        If it is no recipe, or a key of it is wrong.
    """
    path = find(name, "configs")
    document = override(read_yaml(path), assignments)
    kind = document.get("kind")
    if kind not in KINDS:
        raise ConfigError(
            f"kind is {kind!r}, expected {' or '.join(KINDS)}: this is no training recipe",
            where=str(path),
            hint="Start from configs/restore/*.yaml or configs/synthesize/*.yaml.",
        )
    return parse(_model_of(kind), document, str(path))


def _model_of(kind: str) -> type[Recipe]:
    if kind in OF_VOLUMES:
        from medgan.restoration import DenoiserRecipe, RestorerRecipe, SlabRecipe

        of_volumes: dict[str, type[Recipe]] = {
            "restoration": RestorerRecipe,
            "slabs": SlabRecipe,
            "denoising": DenoiserRecipe,
        }
        return of_volumes[kind]
    from medgan.synthesis import PriorRecipe, SynthesizeRecipe, TemplateGanRecipe, TemplateRecipe

    models: dict[str, type[Recipe]] = {
        "synthesis": SynthesizeRecipe,
        "template_gan": TemplateGanRecipe,
        "prior": PriorRecipe,
        "template": TemplateRecipe,
    }
    return models[kind]


def steps_of(recipe: Recipe) -> dict[str, int]:
    """Return the parts of a training and how many steps each takes, as `progress` counts on."""
    if recipe.kind == "prior":
        return {"fit": 1}
    if recipe.kind == "template":
        return {"fit": recipe.registration.n_steps}
    if recipe.kind != "template_gan":
        return {"train": recipe.train.steps}
    fit = {"fit": recipe.template.registration.n_steps}
    return fit | {"train": recipe.train.steps} if recipe.refine else fit


def files_of_recipe(recipe: Recipe) -> tuple[Path, ...]:
    """Return the files that a recipe names: a table of conditions, the model it starts from."""
    table, model = (getattr(recipe, name, None) for name in ("conditions_file", "warm_start"))
    files = [Path(table)] if table and Path(table).is_file() else []  # the fit says what is missing
    return (*files, *(files_of_model(model) if model else ()))
