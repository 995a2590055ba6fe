"""Folders of complete scans in, a trained slice inpainter out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from medgan.data.volumes import TrainingVolumes
from medgan.models import ModelInfo
from medgan.restoration.recipe import RestorerRecipe
from medgan.restoration.task import RestorerTask
from medgan.restoration.warm_start import start_from
from medgan.training import Result, train


def fit_restorer(
    recipe: RestorerRecipe,
    material: TrainingVolumes,
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Result, ModelInfo]:
    """Train, and describe the model; see `training.train` for resuming and errors.

    Raises
    ------
    ModelError
        If there is no model to start from, or its network is not the one of the recipe.
    """
    task = RestorerTask(recipe, material)
    if recipe.warm_start:
        start_from(recipe.warm_start, task.generator)
    result = train(task, recipe.train, run, device=device, validate=validate, progress=progress)
    info = ModelInfo(
        name=recipe.name,
        kind="restorer",
        architecture="slice_net",
        settings=recipe.generator.model_dump(mode="json"),
        expects={"intensity": "P0.5..P99.5 of measured voxels to 0..1"},
        licence=recipe.licence,
        training={
            "recipe": recipe.model_dump(mode="json"),
            "steps": result.step,
            "n_scans": len(material.volumes),
            "sha256": list(material.sha256),
        },
    )
    return result, info
