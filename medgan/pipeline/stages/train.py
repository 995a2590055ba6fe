"""train: one model from the scans of the input; resumes by itself. Or take a given one."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from medgan.errors import StageError, UsageError
from medgan.pipeline.inputs import files_of_input, files_of_model
from medgan.pipeline.stage import Context, Done, Left, PerRun
from medgan.settings import Settings, find

CACHE = "prepared"
"""Below the state folder: samples that `preprocess` has made and `train` reads."""


class TrainStageSettings(Settings):
    """Which recipe, or which model instead."""

    config: str = "synthesize/dcgan_3d"
    """Recipe: a YAML file, or the name of a shipped one. Its `name` names the model."""
    set: tuple[str, ...] = ()
    """Changes of the recipe, e.g. `train.steps=2000`."""
    folder: str = Field("model", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the model folder in the output folder."""
    model: str | None = None
    """A model folder that is there already: nothing is trained, and this one is used."""


def run(done: Done, settings: TrainStageSettings, context: Context) -> Left:
    """Train to the last step.

    Raises
    ------
    StageError
        If the recipe's `max_minutes` ended the session before the last step.
    """
    if settings.model is not None:
        return Left(facts={"model": _absolute(settings.model)})
    if context.input is None:
        raise UsageError("there is nothing to train on", hint="Name a folder of scans.")
    from medgan.models.info import CARD, INFO, WEIGHTS
    from medgan.pipeline.recipes import read_recipe, steps_of
    from medgan.pipeline.training import teller, train_model

    recipe = read_recipe(settings.config, settings.set)
    run_folder = context.out / settings.folder
    trained = train_model(
        recipe,
        context.input,
        run_folder,
        device=context.device,
        cache=context.state / CACHE,
        progress=teller(context.say, steps_of(recipe)),
    )
    if not trained.is_finished:
        raise StageError(
            f"{trained.n_steps} steps are done, and the time that the recipe allows is over",
            where="train",
            hint="Run the same command again: training goes on from here.",
        )
    if trained.wait_share:
        context.say(trained.waited)
    if trained.info.notice:
        context.say(f"note: {trained.info.notice}")
    compared = trained.info.training.get("compared", [])
    for text in compared:
        context.say(f"compared: {text}")
    outputs = tuple(run_folder / name for name in (WEIGHTS, INFO, CARD))
    facts = {
        "model": settings.folder,
        "name": trained.info.name,
        "sha256": trained.info.weights_sha256,
        "steps": trained.n_steps,
        "alarms": list(trained.alarms),
        "compared": compared,
    }
    return Left(outputs, facts)


def recipe_files(settings: TrainStageSettings, context: Context) -> tuple[Path, ...]:
    """Return what the result depends on beside settings: recipe and scans, or the given model."""
    if settings.model is not None:
        return files_of_model(settings.model)
    from medgan.pipeline.recipes import files_of_recipe, read_recipe

    named = files_of_recipe(read_recipe(settings.config, settings.set))
    return (find(settings.config, "configs"), *named, *files_of_input(context))


def _absolute(model: str) -> str:
    path = Path(model)
    return str(path.absolute()) if path.is_dir() else model


TRAIN = PerRun("train", 2, TrainStageSettings, run, recipe_files)
