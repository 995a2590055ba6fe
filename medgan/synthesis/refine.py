"""Fit a template, then let a critic teach a network to refine its images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from medgan.data.space import Space
from medgan.networks.template import DeformableTemplate
from medgan.synthesis.fitted import TEMPLATE_KEEPS, Fitted, stack_samples
from medgan.synthesis.refine_task import RefineTask
from medgan.synthesis.refined_recipe import TemplateGanRecipe
from medgan.training import Result, train
from medgan.training.checkpoint import STATE
from medgan.training.fit_template import fit_template

Progress = Callable[[int, dict[str, float]], None]


def fit_refined(
    recipe: TemplateGanRecipe,
    space: Space,
    prepared: Any,
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    progress: Progress | None = None,
) -> tuple[Result, Fitted]:
    """Fit the template on the CPU and refine it, or go on where the run folder stands.

    `progress` counts the epochs of the template first, then the steps of the loop.
    """
    samples = stack_samples(prepared, space, recipe.template.max_samples)
    n_epochs = recipe.template.registration.epochs
    template = _template(recipe, samples, run, progress)
    task = RefineTask(recipe, space, prepared, template)

    def count_on(step: int, figures: dict[str, float]) -> None:
        if progress:
            progress(n_epochs + step, figures)

    if recipe.refine:
        result = train(task, recipe.train, run, device=device, validate=validate, progress=count_on)
    else:
        result = Result(task.generator.eval(), n_epochs, finished=True, alarms=(), figures={})
    notice = TEMPLATE_KEEPS.format(k=template.n_modes, n=len(samples))
    architecture, settings = task.generator_design()
    fitted = Fitted(result.generator, architecture, settings, task.latent, result.step, notice)
    return result, fitted


def _template(
    recipe: TemplateGanRecipe, samples: Tensor, run: Path, progress: Progress | None
) -> DeformableTemplate:
    """Fit it; of a run that is taken up the state holds it, and an empty one is enough."""
    settings = recipe.template
    if recipe.refine and (run / STATE).is_file():
        n, channels, *shape = samples.shape
        return DeformableTemplate(len(shape), channels, shape, min(settings.n_modes, n - 1))
    smoothing = settings.mode_smoothing
    template, _ = fit_template(
        samples, settings.registration, settings.n_modes, progress, smoothing=smoothing
    )
    return template
