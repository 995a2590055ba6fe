"""Is a model better than what a linear prior of the same scans gives? Asked after training.

On scans that were not trained on, and said whichever way it comes out.
"""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from medgan.evaluation import Figure, ImageSet
from medgan.evaluation.figures import Sets, random_network_figures, trained_network_figures
from medgan.evaluation.prior_bar import is_too_large
from medgan.evaluation.synthetic import FEWEST
from medgan.networks.refined_template import RefinedTemplate
from medgan.synthesis.fitted import stack_samples
from medgan.synthesis.fitted_recipes import FittedRecipe, PriorRecipe
from medgan.synthesis.image_sets import AT_MOST, real_set, virtual_set
from medgan.synthesis.measure import measure_output
from medgan.synthesis.output import Output
from medgan.synthesis.refined_recipe import TemplateGanRecipe
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.settings import GanRecipe
from medgan.training.fit_prior import fit_prior

N_DRAWN = 60
"""Samples of each model."""

COMPARED = ("kid_joint", "kid_rand", "kid_seg", "c2st_joint", "c2st_rand")
"""Distances, lower is better, and tests, .5 is best; without labels those of the image alone."""

NO_SCANS = (
    "not beside a linear prior: {held_back} scans are held back and {trained} trained on, {fewest} "
    "of each are the least (held_back)"
)
TOO_LARGE = "not beside a linear prior: one of so many voxels would take too much memory"

Other = tuple[str, nn.Module, Output]


def compare_with_prior(
    recipe: GanRecipe | FittedRecipe,
    output: Output,
    generator: nn.Module,
    trained: Any,
    held_back: Any,
) -> list[str]:
    """Compare a generator with the prior of its training set on scans it was not trained on.

    Parameters
    ----------
    trained, held_back
        Datasets of prepared cases.

    Returns
    -------
    list
        A line for each model that it is compared with, for people, or one that says why it is
        compared with none; empty where the recipe is that of a prior.

    Notes
    -----
    A refined template is compared with the template alone, too, on the same anatomies.
    """
    if isinstance(recipe, PriorRecipe):
        return []
    if min(len(held_back), len(trained)) < FEWEST:
        return [NO_SCANS.format(held_back=len(held_back), trained=len(trained), fewest=FEWEST)]
    space = output.space
    n = len(trained) if space.spatial_dims == 3 else AT_MOST  # slices are many
    if is_too_large(n, space.shape, len(space.label_values)):
        return [TOO_LARGE]
    train, test = (real_set(one, space) for one in (trained, held_back))
    classes = tuple(space.label_values)

    def judge(network: nn.Module, made: Output) -> dict[str, Figure]:
        fake = _drawn(network, made, recipe.seed)
        sets = Sets(train, test, fake, classes, recipe.seed)
        figures = random_network_figures(sets)
        figures += trained_network_figures(sets) if classes else []
        return {figure.name: figure for figure in figures if figure.name in COMPARED}

    own = judge(generator, output)
    return [
        line(name, own, judge(network, made), len(test))
        for name, network, made in _others(recipe, output, generator, trained)
    ]


def line(name: str, own: dict[str, Figure], other: dict[str, Figure], n: int) -> str:
    """Say in one line how a model does beside another, a loss as plainly as a gain."""
    wins = [_difference(own[key], other[key]) for key in own]
    shown = ", ".join(f"{key} {_number(own[key])} against {_number(other[key])}" for key in own)
    better, worse = wins.count(1), wins.count(-1)
    word = "better" if better > worse else "worse" if worse > better else "not told apart"
    return (
        f"beside the {name}, on {n} scans held back: {word} ({better} figures better, {worse} "
        f"worse, {wins.count(0)} within two standard errors; good are low kid, and c2st near .5): "
        f"{shown}"
    )


def _difference(own: Figure, other: Figure) -> int:
    """1: nearer to real beyond two standard errors of the difference; -1: farther; 0: neither.

    A two-sample test is best at one half: below it, training cases are made again.
    """
    is_test = own.name.startswith("c2st")
    mine, others = (abs(f.value - 0.5) if is_test else f.value for f in (own, other))
    gain = others - mine
    error = 2 * math.hypot(own.se or 0.0, other.se or 0.0)
    return 0 if abs(gain) <= error else 1 if gain > 0 else -1


def _number(figure: Figure) -> str:
    digits = 2 if figure.name.startswith("c2st") else 0
    return f"{figure.value:.{digits}f} +- {figure.se or 0:.{digits}f}"


def _others(
    recipe: GanRecipe | FittedRecipe, output: Output, generator: nn.Module, trained: Any
) -> list[Other]:
    """Return what the model has to beat."""
    space = output.space
    prior = fit_prior(stack_samples(trained, space, AT_MOST))
    of_prior = measure_output(recipe, space, trained, prior, prior.latent)
    others: list[Other] = [("linear prior", prior, of_prior)]
    if isinstance(recipe, TemplateGanRecipe) and recipe.refine:
        assert isinstance(generator, RefinedTemplate)
        alone = output.model_copy(update={"latent": generator.template.latent})
        others.append(("template alone", generator.template, alone))
    return others


def _drawn(network: nn.Module, output: Output, seed: int) -> ImageSet:
    samples = [draw_sample(network, output.latent, seed, i, "compare") for i in range(N_DRAWN)]
    return virtual_set(
        samples,
        output.space,
        output.label_offsets,
        output.slice_cuts,
        largest_part=output.largest_part,
    )
