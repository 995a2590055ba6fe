"""preprocess: bring the training scans into one space, and keep them by content for `train`."""

from __future__ import annotations

from pathlib import Path

from medgan.errors import UsageError
from medgan.pipeline.stage import Context, Done, Left, PerRun
from medgan.pipeline.stages.train import CACHE, TrainStageSettings, input_files
from medgan.settings import Settings


class PreprocessSettings(Settings):
    """Nothing to choose: the recipe of `train` says how samples are made."""


def run(done: Done, settings: PreprocessSettings, context: Context) -> Left:
    """Name what is unfit to train on, and prepare the rest.

    Raises
    ------
    UsageError
        If no `train` with a recipe comes after it.
    DataError
        If too few scans are left.
    """
    if context.input is None:
        raise UsageError("there is nothing to prepare", hint="Name a folder of scans.")
    if "train" not in done.pipeline:
        raise UsageError(
            "there is no recipe to prepare for", where="preprocess", hint="Put `train` after it."
        )
    wanted = TrainStageSettings.model_validate(done.pipeline["train"])
    if wanted.model is not None:
        return Left(facts={"n_scans": 0, "left_out": {}})
    from medgan.pipeline.recipes import read_recipe
    from medgan.pipeline.training import prepare

    recipe = read_recipe(wanted.config, wanted.set)
    return Left(facts=prepare(recipe, context.input, context.state / CACHE))


def files(settings: PreprocessSettings, context: Context) -> tuple[Path, ...]:
    """Return every file of the input."""
    return input_files(context)


PREPROCESS = PerRun("preprocess", 1, PreprocessSettings, run, files, reads=frozenset({"train"}))
