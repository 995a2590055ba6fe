"""Fit a template, then let a critic teach a network to refine its images."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from medgan.data.space import Space
from medgan.errors import ModelError
from medgan.networks import build
from medgan.networks.template import DeformableTemplate
from medgan.record import dump
from medgan.scans.atomic import write_bytes
from medgan.synthesis.condition_table import Known, condition_table
from medgan.synthesis.conditions import Condition, fit_conditions
from medgan.synthesis.fitted import (
    Fitted,
    Progress,
    check_size,
    sample_places,
    stack_places,
    template_design,
    template_notice,
)
from medgan.synthesis.refine_task import RefineTask
from medgan.synthesis.refined_recipe import TemplateGanRecipe
from medgan.training import Result, train
from medgan.training.checkpoint import STATE
from medgan.training.fit_template import fit_template
from medgan.training.processes import here
from medgan.training.trainer import HeldOut

CONDITIONS = "conditions.json"
"""In the run folder: what was found of them when the template was fitted."""


def fit_refined(
    recipe: TemplateGanRecipe,
    space: Space,
    prepared: Any,
    known: Sequence[Known],
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    held_out: HeldOut | None = None,
    progress: Progress | None = None,
) -> tuple[Result, Fitted]:
    """Fit the template on the CPU and refine it, or go on where the run folder stands.

    Parameters
    ----------
    known
        Of each prepared case.
    progress
        Counts the epochs, fields and samples of the template first, then the steps of the loop.

    Raises
    ------
    DataError
        If a condition is not known.
    ModelError
        If the conditions of a run that is taken up are gone.
    """
    places = sample_places(prepared, space, recipe.template.max_samples)
    samples = stack_places(prepared, places)
    registration = recipe.template.registration
    if recipe.refine and (run / STATE).is_file():
        template, conditions = _taken_up(recipe, space, len(samples), run)
    else:
        table = condition_table(recipe, [known[i] for i, _ in places], samples.numpy(), space)
        check_size(*template_design(recipe.template, space, len(samples)))
        template, scores = fit_template(samples, recipe.template, progress)
        conditions = fit_conditions(table, scores.numpy())
        if conditions and here().is_first:
            _keep(conditions, run)
    task = RefineTask(recipe, space, prepared, template)

    if recipe.refine:
        result = train(
            task,
            recipe.train,
            run,
            device=device,
            validate=validate,
            held_out=held_out,
            progress=_counting_on(progress, registration.n_steps),
        )
    else:
        result = Result(
            task.generator.eval(), registration.n_steps, finished=True, alarms=(), figures={}
        )
    notice = template_notice(template.n_modes, len(samples), recipe.template.mode_waves)
    architecture, settings = task.generator_design()
    fitted = Fitted(
        result.generator, architecture, settings, task.latent, result.step, notice, conditions
    )
    return result, fitted


def _taken_up(
    recipe: TemplateGanRecipe, space: Space, n_samples: int, run: Path
) -> tuple[DeformableTemplate, tuple[Condition, ...]]:
    """Return an empty template, as the state of the run holds it, and the conditions as found then.

    The state holds no scores of the training cases, so that conditions cannot be found anew.
    """
    template = build(*template_design(recipe.template, space, n_samples))
    assert isinstance(template, DeformableTemplate)
    if not recipe.conditions:
        return template, ()
    try:
        kept = json.loads((run / CONDITIONS).read_text(encoding="utf-8"))
        return template, tuple(map(Condition.model_validate, kept))
    except (OSError, ValueError) as error:
        raise ModelError(
            "what the run found of its conditions cannot be read",
            where=CONDITIONS,
            hint=f"Remove {STATE} to start the run again, or train into another folder.",
        ) from error


def _keep(conditions: Sequence[Condition], run: Path) -> None:
    found = [condition.model_dump(mode="json") for condition in conditions]
    write_bytes(run / CONDITIONS, dump(found).encode())


def _counting_on(progress: Progress | None, n_before: int) -> Progress:
    """Return what tells the steps of a second part, after `n_before` of the first."""

    def tell(step: int, figures: dict[str, float]) -> None:
        if progress:
            progress(n_before + step, figures)

    return tell
