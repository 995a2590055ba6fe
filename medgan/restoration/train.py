"""Folders of complete scans in, a trained network out: one that fills, thins or denoises."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import nn

from medgan.data.volumes import TrainingVolumes
from medgan.models import ModelInfo
from medgan.models.info import Kind
from medgan.restoration.denoise_recipe import DenoiserRecipe
from medgan.restoration.denoise_task import DenoiserTask
from medgan.restoration.recipe import RestorerRecipe
from medgan.restoration.slab_recipe import SlabRecipe
from medgan.restoration.slab_task import SlabTask, network_settings
from medgan.restoration.task import RestorerTask
from medgan.restoration.volume_recipe import VolumeRecipe
from medgan.restoration.warm_start import start_from
from medgan.training import Result, train

Validate = Callable[[nn.Module, int], dict[str, float]]
Progress = Callable[[int, dict[str, float]], None]


def fit_restorer(
    recipe: RestorerRecipe,
    material: TrainingVolumes,
    run: Path,
    *,
    device: str = "cpu",
    validate: Validate | None = None,
    progress: Progress | None = None,
) -> tuple[Result, ModelInfo]:
    """Train what fills slices, and describe the model; see `training.train` for resuming.

    Raises
    ------
    ModelError
        If there is no model to start from, or its network is not the one of the recipe.
    MedganError
        As `training.train` does.
    """
    task = RestorerTask(recipe, material)
    result = _trained(task, run, device, validate, progress)
    settings = recipe.generator.model_dump(mode="json")
    return result, _described(recipe, material, result, "restorer", "slice_net", settings)


def fit_slabs(
    recipe: SlabRecipe,
    material: TrainingVolumes,
    run: Path,
    *,
    device: str = "cpu",
    validate: Validate | None = None,
    progress: Progress | None = None,
) -> tuple[Result, ModelInfo]:
    """Train what makes thin slices of thick ones, and describe the model; as `fit_restorer`."""
    task = SlabTask(recipe, material)
    result = _trained(task, run, device, validate, progress)
    settings = {name: list(value) for name, value in network_settings(recipe).items()}
    return result, _described(recipe, material, result, "thinner", "slab_net", settings)


def fit_denoiser(
    recipe: DenoiserRecipe,
    material: TrainingVolumes,
    run: Path,
    *,
    device: str = "cpu",
    validate: Validate | None = None,
    progress: Progress | None = None,
) -> tuple[Result, ModelInfo]:
    """Train what takes noise away, and describe the model; as `fit_restorer`."""
    task = DenoiserTask(recipe, material)
    result = _trained(task, run, device, validate, progress)
    settings = recipe.generator.model_dump(mode="json")
    return result, _described(recipe, material, result, "denoiser", "denoise_net", settings)


def _trained(
    task: RestorerTask | SlabTask | DenoiserTask,
    run: Path,
    device: str,
    validate: Validate | None,
    progress: Progress | None,
) -> Result:
    recipe = task.recipe
    if recipe.warm_start:
        start_from(recipe.warm_start, task.generator)
    return train(task, recipe.train, run, device=device, validate=validate, progress=progress)


def _described(
    recipe: VolumeRecipe,
    material: TrainingVolumes,
    result: Result,
    kind: Kind,
    architecture: str,
    settings: dict[str, Any],
) -> ModelInfo:
    """Say what came out and of what it was made."""
    return ModelInfo(
        name=recipe.name,
        kind=kind,
        architecture=architecture,
        settings=settings,
        expects={"intensity": "P0.5..P99.5 of measured voxels to 0..1"},
        licence=recipe.licence,
        training={
            "recipe": recipe.model_dump(mode="json"),
            "steps": result.step,
            "n_scans": len(material.volumes),
            "sha256": list(material.sha256),
        },
    )
