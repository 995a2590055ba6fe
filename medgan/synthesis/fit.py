"""A folder of scans in, a trained generator and what it must know out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medgan.data import Cases, Unpaired, split_cases
from medgan.data.loading import stretch
from medgan.data.preparation import prepared
from medgan.data.signed_distance import decode
from medgan.data.space import Space, shared_space
from medgan.data.survey import survey
from medgan.errors import DataError
from medgan.models import ModelInfo
from medgan.synthesis.calibration import calibrate
from medgan.synthesis.fitted import fit_network
from medgan.synthesis.fitted_recipes import PriorRecipe, TemplateRecipe
from medgan.synthesis.output import Output
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.settings import SynthesizeRecipe
from medgan.synthesis.task import SynthesisTask, generator_design
from medgan.training import Result, train

Recipe = SynthesizeRecipe | PriorRecipe | TemplateRecipe

MIN_CASES = 2


@dataclass(frozen=True, eq=False)
class Material:
    """What a run trains on.

    Parameters
    ----------
    prepared
        Dataset of `{"image": (C, *S), "range": (2,)}`.
    sha256
        Content hashes of its scans, sorted.
    n_held_out
        Cases that are kept for evaluation.
    left_out
        Scans that make no case, or are unfit, with the reasons.
    """

    space: Space
    prepared: Any
    sha256: tuple[str, ...]
    n_held_out: int
    left_out: tuple[Unpaired, ...]


def gather(recipe: Recipe, cases: Cases, cache: Path | None) -> Material:
    """Look at the cases, split them, settle the space they share, and prepare the training part.

    Parameters
    ----------
    cases
        As `index_cases` finds them.
    cache
        Folder for prepared samples; see `data.preparation`.

    Raises
    ------
    DataError
        If fewer than two cases are left to train on.
    """
    seen = survey(cases.pairs)
    fit_cases = [case for case in cases.pairs if case.id in seen.looks]
    hashes = {case_id: look.sha256 for case_id, look in seen.looks.items()}
    split = split_cases(fit_cases, hashes, recipe.seed)
    chosen = [case for part in recipe.train_parts for case in getattr(split, part)]
    if len(chosen) < MIN_CASES:
        raise DataError(
            f"{len(chosen)} cases to train on: {len(cases.pairs)} found, {len(seen.unfit)} unfit, "
            f"{len(fit_cases) - len(chosen)} held out by the split",
            where="data",
            hint="Give a folder with more complete scans; `medgan inspect` lists what is wrong.",
        )
    looks = {case.id: seen.looks[case.id] for case in chosen}
    space = shared_space(recipe.data, list(looks.values()), recipe.spatial_dims)
    return Material(
        space=space,
        prepared=prepared(chosen, looks, space, cache),
        sha256=tuple(sorted(look.sha256 for look in looks.values())),
        n_held_out=len(fit_cases) - len(chosen),
        left_out=cases.unpaired + seen.unfit,
    )


def fit_synthesizer(
    recipe: Recipe,
    material: Material,
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Result, ModelInfo]:
    """Train a GAN (see `training.train`) or fit a prior or template; calibrate and describe it."""
    if isinstance(recipe, SynthesizeRecipe):
        task = SynthesisTask(recipe, material.space, material.prepared)
        result = train(task, recipe.train, run, device=device, validate=validate, progress=progress)
        architecture, settings = generator_design(recipe, material.space)
        latent, notice = recipe.generator.latent, ""
    else:
        fitted = fit_network(recipe, material.space, material.prepared, progress)
        result = Result(fitted.network, fitted.n_steps, finished=True, alarms=(), figures={})
        architecture, settings = fitted.architecture, fitted.settings
        latent, notice = fitted.latent, fitted.notice
    output = measure_output(recipe, material, result.generator, latent)
    info = ModelInfo(
        name=recipe.name,
        kind="synthesizer",
        architecture=architecture,
        settings=settings,
        expects=output.model_dump(mode="json"),
        training={
            "recipe": recipe.model_dump(mode="json"),
            "steps": result.step,
            "n_scans": len(material.prepared),
            "sha256": list(material.sha256),
        },
        notice=notice,
    )
    return result, info


def measure_output(recipe: Recipe, material: Material, generator: nn.Module, latent: int) -> Output:
    """Measure intensities and label volumes of the training set, and set thresholds to match."""
    space = material.space
    items = [material.prepared[index] for index in range(len(material.prepared))]
    low, high = np.median([item["range"].numpy() for item in items], axis=0).tolist()
    volumes = [_label_volumes(item["image"].numpy()[1:], space) for item in items]
    wanted = tuple(float(v) for v in np.mean(volumes, axis=0))
    return Output(
        space=space,
        latent=latent,
        intensity_range=(low, high),
        label_volumes=wanted,
        label_offsets=_offsets(recipe, generator, latent, wanted) if wanted else (),
        largest_part=recipe.sampling.largest_part,
    )


def _offsets(
    recipe: Recipe, generator: nn.Module, latent: int, wanted: Sequence[float]
) -> tuple[float, ...]:
    n = recipe.sampling.calibration_samples
    labels = [draw_sample(generator, latent, recipe.seed, i, "calibration")[1:] for i in range(n)]
    return calibrate(np.stack(labels), wanted)


def _label_volumes(channels: NDArray[np.float32], space: Space) -> list[float]:
    """Voxels of each class in a volume, or on average in one of the slices used in 2D."""
    n = 1
    if space.spatial_dims == 2:
        used = stretch(channels.shape[1], space.slice_range)
        channels, n = channels[:, used.start : used.stop], len(used)
    labels = decode(channels, space.label_values)
    return [float((labels == value).sum() / n) for value in space.label_values]
