"""Train a model folder from a recipe and a folder of scans; resume the run that is there.

`RUN/` becomes the model folder: weights, `model.json` and card, beside the log, the montages and
the state to resume from. `recipe.json` says what the run was started with: one whose settings or
scans differ is refused, because the weights would be of neither.
"""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgan.errors import ConfigError, MedganError, UsageError, WriteError
from medgan.pipeline.device import pick_device
from medgan.pipeline.lock import locked
from medgan.pipeline.stage import STATE
from medgan.record import dump
from medgan.scans.apart import check_apart
from medgan.settings import digest, find, override, parse, read_yaml

if TYPE_CHECKING:
    from medgan.models import ModelInfo
    from medgan.restoration import RestorerRecipe
    from medgan.synthesis import PriorRecipe, SynthesizeRecipe, TemplateRecipe
    from medgan.training import Result

    Recipe = RestorerRecipe | SynthesizeRecipe | PriorRecipe | TemplateRecipe

RECIPE = "recipe.json"
CACHE = "cache"
NEUTRAL = frozenset({"max_minutes", "log_interval", "save_interval"})
"""Settings of `train` that may change from one start of a run to the next."""
KINDS = ("restoration", "synthesis", "prior", "template")

Step = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class Trained:
    """What a run came to.

    Parameters
    ----------
    folder
        The model folder.
    is_finished
        Whether all steps are done; else the same command goes on.
    alarms
        Names of alarms raised on the way.
    left_out
        Scans that were not trained on, with reasons.
    """

    folder: Path
    info: ModelInfo
    n_steps: int
    is_finished: bool
    alarms: tuple[str, ...]
    left_out: dict[str, str]


def read_recipe(name: str, assignments: Sequence[str] = ()) -> Recipe:
    """Read a training recipe by file or by name.

    Raises
    ------
    ConfigError
        If it is no recipe, or a key of it is wrong.
    """
    path = find(name, "configs")
    document = override(read_yaml(path), assignments)
    kind = document.get("kind")
    if kind not in KINDS:
        raise ConfigError(
            f"kind is {kind!r}, expected {' or '.join(KINDS)}: this is no training recipe",
            where=str(path),
            hint="Start from configs/restore/*.yaml or configs/synthesize/*.yaml.",
        )
    if kind == "restoration":
        from medgan.restoration import RestorerRecipe

        return parse(RestorerRecipe, document, str(path))
    from medgan.synthesis import PriorRecipe, SynthesizeRecipe, TemplateRecipe

    if kind == "prior":
        return parse(PriorRecipe, document, str(path))
    if kind == "template":
        return parse(TemplateRecipe, document, str(path))
    return parse(SynthesizeRecipe, document, str(path))


def n_steps(recipe: Recipe) -> int:
    """Return how many steps a recipe takes in all, as `progress` counts them."""
    if recipe.kind == "prior":
        return 1
    return recipe.registration.epochs if recipe.kind == "template" else recipe.train.steps


def teller(say: Callable[[str], None], n_steps: int, every_s: float = 10.0) -> Step:
    """Make a callback that says every so often how far a training is, and how long it takes."""
    started = last = time.monotonic()
    first: int | None = None

    def tell(step: int, losses: dict[str, float]) -> None:
        nonlocal last, first
        now = time.monotonic()
        if first is None:
            first = step
        if step < n_steps and (now - last < every_s or step == first):
            return
        last = now
        figures = "  ".join(f"{name} {value:.3g}" for name, value in losses.items())
        left = (now - started) / max(step - first, 1) * (n_steps - step)
        say(f"train  step {step}/{n_steps}  {figures}  about {math.ceil(left / 60)} min left")

    return tell


def train_model(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    device: str = "auto",
    cache: Path | None = None,
    progress: Step | None = None,
) -> Trained:
    """Train, or go on where the run folder stands.

    Parameters
    ----------
    data
        Folder of complete scans; with label maps for a synthesis model with labels.
    run
        Becomes the model folder.
    cache
        Folder of prepared samples; None: inside `run`.

    Raises
    ------
    UsageError
        If the run folder belongs to other settings or scans, does not lie apart from the data, or
        another training is writing to it.
    DataError
        If there is too little to train on.
    DivergedError
        If a loss is not finite any more; the last checkpoint stays.
    KeyboardInterrupt
        After Ctrl-C, once the step in hand is saved.
    """
    _check_run(run, data)
    chosen = pick_device(device)
    material, fit, left_out = _material(recipe, data, cache or run / CACHE)
    with _claimed(run, recipe, material.sha256):
        result, info = fit(recipe, material, run, device=chosen, progress=progress)
        from medgan.models import model_card, save_model

        info = save_model(run, result.generator, info, model_card(info, len(left_out)))
    return Trained(run, info, result.step, result.finished, result.alarms, left_out)


def prepare(recipe: Recipe, data: Path, cache: Path) -> dict[str, Any]:
    """Check what a folder offers a recipe, and fill the cache of prepared samples.

    Returns
    -------
    dict
        Plain JSON: number of scans to train on, held out, and left out with reasons.
    """
    if recipe.kind == "restoration":
        from medgan.data.volumes import training_volumes

        volumes = training_volumes(data, recipe.train_parts)
        return {"n_scans": len(volumes.volumes), "left_out": dict(volumes.left_out)}
    material = _gather(recipe, data, cache)
    for index in range(len(material.prepared)):
        _ = material.prepared[index]
    return {
        "n_scans": len(material.prepared),
        "n_held_out": material.n_held_out,
        "left_out": {one.path: one.reason for one in material.left_out},
    }


def _material(
    recipe: Any, data: Path, cache: Path
) -> tuple[Any, Callable[..., tuple[Result, ModelInfo]], dict[str, str]]:
    """Return what to train on, what trains on it, and the scans left out with reasons."""
    if recipe.kind == "restoration":
        from medgan.data.volumes import training_volumes
        from medgan.restoration import fit_restorer

        volumes = training_volumes(data, recipe.train_parts)
        return volumes, fit_restorer, dict(volumes.left_out)
    from medgan.synthesis import fit_synthesizer

    gathered = _gather(recipe, data, cache)
    return gathered, fit_synthesizer, {one.path: one.reason for one in gathered.left_out}


def _gather(recipe: Any, data: Path, cache: Path) -> Any:
    from medgan.data import index_cases
    from medgan.synthesis import gather

    cases = index_cases(data)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return gather(recipe, cases, cache)
    except MedganError:
        with contextlib.suppress(OSError):  # leave no folder behind that holds nothing
            cache.rmdir()
            cache.parent.rmdir()
        raise
    except OSError as error:
        raise WriteError(
            f"the run folder cannot be written to: {error.strerror}",
            where=str(cache.parent),
            hint="Choose another folder with -o, or mend its permissions.",
        ) from error


def _check_run(run: Path, data: Path) -> None:
    """Refuse a run folder that holds scans, or files of somebody else."""
    check_apart(data, run)
    if (run / RECIPE).is_file() or not run.is_dir():
        return
    if any(not p.name.startswith(".") and p.name != CACHE for p in run.iterdir()):
        raise UsageError(
            "the run folder holds files, but no run that could be taken up",
            where=str(run),
            hint="Name a new or empty folder with -o.",
        )


@contextlib.contextmanager
def _claimed(run: Path, recipe: Recipe, sha256: Sequence[str]) -> Iterator[None]:
    """Hold a run folder alone, and sweep what a killed run left half-written in it."""
    from medgan.scans.atomic import is_temporary

    with locked(run / STATE):
        for path in filter(is_temporary, run.iterdir()):
            path.unlink(missing_ok=True)
        _claim(run, recipe, sha256)
        yield


def _claim(run: Path, recipe: Recipe, sha256: Sequence[str]) -> None:
    """Write down what a run folder is for, or make sure that it is for this."""
    from medgan.scans.atomic import write_bytes

    document = {"recipe": recipe.model_dump(mode="json"), "scans": sorted(sha256)}
    file = run / RECIPE
    if not file.is_file():
        write_bytes(file, dump(document).encode())
        return
    try:
        there = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        there = {}
    there, document = _that_matters(there), _that_matters(document)
    if digest(there) != digest(document):
        raise UsageError(
            f"the run that is there was started with other {_differences(there, document)}",
            where=str(run),
            hint="Name a new folder with -o, or go back to the settings in its recipe.json.",
        )


def _that_matters(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out settings that change no weight: how long to go on, how often to log and save."""
    recipe = dict(document.get("recipe", {}))
    if isinstance(recipe.get("train"), dict):
        recipe["train"] = {k: v for k, v in recipe["train"].items() if k not in NEUTRAL}
    return {**document, "recipe": recipe}


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    if there.get("scans") != here["scans"]:
        return "scans"
    before, now = _flat(there.get("recipe", {})), _flat(here["recipe"])
    keys = sorted(k for k in before.keys() | now.keys() if before.get(k) != now.get(k))
    return f"settings: {', '.join(keys)}"


def _flat(group: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in group.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
