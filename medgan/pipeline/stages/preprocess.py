"""preprocess: bring the training scans into one space, and keep them by content for `train`."""

from __future__ import annotations

from pathlib import Path

from medgan.errors import DataError, UsageError
from medgan.pipeline.inputs import files_of_input
from medgan.pipeline.stage import Context, Done, Left, PerRun
from medgan.pipeline.stages.train import CACHE, TrainStageSettings
from medgan.settings import Settings


class PreprocessSettings(Settings):
    """How samples are made stands in the recipe of `train`."""

    needs_labels: bool = False
    """Refuse an input without a single labelled scan, before anything is trained on it."""


def run(done: Done, settings: PreprocessSettings, context: Context) -> Left:
    """Name what is unfit to train on, and prepare the rest.

    Raises
    ------
    UsageError
        If no `train` with a recipe comes after it.
    DataError
        If too few scans are left, or none has the label map that is needed.
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
    if settings.needs_labels:
        _check_labels(context.input)
    from medgan.pipeline.recipes import read_recipe
    from medgan.pipeline.training import prepare

    recipe = read_recipe(wanted.config, wanted.set)
    return Left(facts=prepare(recipe, context.input, context.state / CACHE))


def _check_labels(folder: Path) -> None:
    from medgan.data import index_cases

    if not any(case.label for case in index_cases(folder).pairs):
        raise DataError(
            "no scan here has a label map",
            where=str(folder),
            hint="Pair them as images/X + labels/X or imagesTr/X_0000 + labelsTr/X, or name a "
            "MONAI datalist. For images alone: --set preprocess.needs_labels=false.",
        )


def files(settings: PreprocessSettings, context: Context) -> tuple[Path, ...]:
    """Return every file of the input."""
    return files_of_input(context)


PREPROCESS = PerRun("preprocess", 1, PreprocessSettings, run, files, reads=frozenset({"train"}))
