"""A folder of scans in, a trained generator and what it must know out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgan.data import Case, Cases, Unpaired, split_cases
from medgan.data.preparation import prepared
from medgan.data.space import Space, shared_space
from medgan.data.streams import stream
from medgan.data.survey import survey
from medgan.errors import DataError
from medgan.models import ModelInfo
from medgan.synthesis.compare import compare_with_prior
from medgan.synthesis.condition_table import Known
from medgan.synthesis.conditions import MODALITY
from medgan.synthesis.fitted import Fitted, fit_network
from medgan.synthesis.fitted_recipes import PriorRecipe, TemplateRecipe
from medgan.synthesis.measure import measure_output, range_of_each
from medgan.synthesis.refine import fit_refined
from medgan.synthesis.refined_recipe import TemplateGanRecipe
from medgan.synthesis.settings import ConditionedRecipe, SynthesizeRecipe
from medgan.synthesis.task import SynthesisTask
from medgan.synthesis.validation import held_out, validation
from medgan.training import Result, train

Recipe = SynthesizeRecipe | TemplateGanRecipe | PriorRecipe | TemplateRecipe

MIN_CASES = 2

MIXES = (
    " It is one template of {modalities}, and mixes their contrasts: where grey values matter, "
    "train one of each."
)


@dataclass(frozen=True, eq=False)
class Material:
    """What a run trains on.

    Parameters
    ----------
    prepared
        Dataset of `{"image": (C, *S), "range": (2,)}`.
    known
        Of each of its cases.
    sha256
        Content hashes of its scans, sorted.
    held_back
        The same of cases that are not trained on, but looked at in training, and to compare the
        model with a prior.
    n_held_out
        Cases that are kept for evaluation.
    left_out
        Scans that make no case, or are unfit, with the reasons.
    """

    space: Space
    prepared: Any
    held_back: Any
    known: tuple[Known, ...]
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
        If fewer than two cases are left to train on, or they share no space; of several modalities
        they may be where the recipe has `modality` among its conditions.
    """
    seen = survey(cases.pairs)
    fit_cases = [case for case in cases.pairs if case.id in seen.looks]
    hashes = {case_id: look.sha256 for case_id, look in seen.looks.items()}
    split = split_cases(fit_cases, hashes, recipe.seed)
    chosen = [case for part in recipe.train_parts for case in getattr(split, part)]
    drawn = _draw(chosen, hashes, recipe.held_back, recipe.seed)
    kept = [case for case in chosen if case.id in drawn]
    kept += [] if "validation" in recipe.train_parts else split.validation
    chosen = [case for case in chosen if case.id not in drawn]
    if len(chosen) < MIN_CASES:
        raise DataError(
            f"{len(chosen)} cases to train on: {len(cases.pairs)} found, {len(seen.unfit)} unfit, "
            f"{len(fit_cases) - len(chosen)} held out",
            where="data",
            hint="Give a folder with more complete scans; `medgan inspect` lists what is wrong.",
        )
    looks = {case.id: seen.looks[case.id] for case in chosen}
    is_mixed = isinstance(recipe, ConditionedRecipe) and MODALITY in recipe.conditions
    space = shared_space(recipe.data, list(looks.values()), recipe.spatial_dims, is_mixed=is_mixed)
    return Material(
        space=space,
        prepared=prepared(chosen, looks, space, cache),
        held_back=prepared(kept, seen.looks, space, cache),
        known=tuple(Known(case.id, looks[case.id].modality) for case in chosen),
        sha256=tuple(sorted(look.sha256 for look in looks.values())),
        n_held_out=len(fit_cases) - len(chosen) - len(kept),
        left_out=cases.unpaired + seen.unfit,
    )


def _draw(
    cases: Sequence[Case], hashes: Mapping[str, str], share: float, seed: int
) -> frozenset[str]:
    """Draw a share of cases; the draw depends on contents, not on names or order."""
    ordered = sorted((hashes[case.id], case.id) for case in cases)
    order = stream(seed, "held_back").permutation(len(ordered))
    return frozenset(ordered[int(at)][1] for at in order[: round(share * len(ordered))])


def fit_synthesizer(
    recipe: Recipe,
    material: Material,
    run: Path,
    *,
    device: str = "cpu",
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Result, ModelInfo]:
    """Train a GAN (see `training.train`) or fit a prior or template; calibrate and describe it.

    Raises
    ------
    ConfigError
        If the best step is to be chosen by a figure that there is not.
    DataError
        If too few cases are held back to choose it by, or as `fit_refined` and `fit_network`.
    """
    space, prepared, held_back = material.space, material.prepared, material.held_back
    if isinstance(recipe, SynthesizeRecipe):
        task = SynthesisTask(recipe, space, prepared)
        result = train(
            task,
            recipe.train,
            run,
            device=device,
            validate=validation(recipe, space, prepared, held_back),
            held_out=held_out(recipe, space, held_back),
            progress=progress,
        )
        fitted = Fitted(result.generator, *task.generator_design(), task.latent, result.step, "")
    elif isinstance(recipe, TemplateGanRecipe):
        result, fitted = fit_refined(
            recipe,
            space,
            prepared,
            material.known,
            run,
            device=device,
            validate=validation(recipe, space, prepared, held_back),
            held_out=held_out(recipe, space, held_back),
            progress=progress,
        )
    else:
        fitted = fit_network(recipe, space, prepared, material.known, progress)
        result = Result(fitted.network, fitted.n_steps, finished=True, alarms=(), figures={})
    output = measure_output(recipe, space, prepared, result.generator, fitted.latent)
    compared = compare_with_prior(recipe, output, result.generator, prepared, held_back)
    output = output.model_copy(
        update={
            "conditions": fitted.conditions,
            "intensity_ranges": range_of_each(space.modalities, prepared, material.known),
        }
    )
    info = ModelInfo(
        name=recipe.name,
        kind="synthesizer",
        architecture=fitted.architecture,
        settings=fitted.settings,
        expects=output.model_dump(mode="json"),
        training={
            "recipe": recipe.model_dump(mode="json"),
            "steps": result.step,
            "n_scans": len(material.prepared),
            "sha256": list(material.sha256),
            "chosen": _chosen(result, len(held_back)),
            "alarms": list(result.alarms),
            "compared": compared,
        },
        notice=fitted.notice + _of_several(recipe, space),
    )
    return result, info


def _chosen(result: Result, n_held_back: int) -> str:
    """Say whose step the weights are; empty where they are those of the last one."""
    if result.best is None:
        return ""
    best = result.best
    return (
        f"the weights are those of step {best.step}, the best by {best.figure} ({best.value:.1f}) "
        f"on {n_held_back} scans held back; on these scans, figures flatter them a little"
    )


def _of_several(recipe: Recipe, space: Space) -> str:
    """Say what a template of several modalities is not good at."""
    if not space.modalities or isinstance(recipe, PriorRecipe):
        return ""
    return MIXES.format(modalities=" and ".join(map(str.upper, space.modalities)))
