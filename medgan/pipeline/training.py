"""Train a model folder from a recipe and a folder of scans; resume the run that is there.

`RUN/` becomes the model folder: weights, `model.json` and card, beside the log, the montages and
the state to resume from.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from medgan.errors import MedganError, UsageError, WriteError
from medgan.pipeline.device import pick_device
from medgan.pipeline.recipes import FITTED, OF_VOLUMES
from medgan.pipeline.run_folder import CACHE, RECIPE, check_run, check_same, claimed
from medgan.pipeline.settled_recipe import settle

if TYPE_CHECKING:
    from medgan.models import ModelInfo
    from medgan.pipeline.recipes import Recipe
    from medgan.training import Processes, Result

LONG_WAIT = 0.05
"""Share of the time above which waiting for data is worth a word."""

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
    wait_share
        Share of the time of this session that went into waiting for data, 0 to 1.
    """

    folder: Path
    info: ModelInfo
    n_steps: int
    is_finished: bool
    alarms: tuple[str, ...]
    left_out: dict[str, str]
    wait_share: float = 0.0

    @property
    def waited(self) -> str:
        """Say how long it waited for data, and what helps where that was long."""
        told = f"waited for data {100 * self.wait_share:.1f} % of the time"
        if self.wait_share <= LONG_WAIT:
            return told
        return f"{told}: raise n_workers (--set n_workers=...) if the machine has cores to spare"


def teller(say: Callable[[str], None], parts: Mapping[str, int], every_s: float = 10.0) -> Step:
    """Make a callback that says every so often how far a training is, and how long it takes.

    Parameters
    ----------
    parts
        How many steps each part takes, as `steps_of` says; steps are counted on from one to the
        next. Minutes left are those of the part: its steps say nothing of how long others take.
    """
    last = started = time.monotonic()
    first: tuple[str, int] | None = None

    def tell(step: int, losses: dict[str, float]) -> None:
        nonlocal last, started, first
        now = time.monotonic()
        part, at, n_steps = _part_at(step, parts)
        if first is None or part != first[0]:
            # Not 1: a run may be taken up, and steps are not told one by one.
            first, started = (part, at), now
        if at < n_steps and (now - last < every_s or (part, at) == first):
            return
        last = now
        figures = "  ".join(f"{name} {value:.3g}" for name, value in losses.items())
        left = (now - started) / max(at - first[1], 1) * (n_steps - at)
        say(f"{part}  step {at}/{n_steps}  {figures}  about {math.ceil(left / 60)} min left")

    return tell


def _part_at(step: int, parts: Mapping[str, int]) -> tuple[str, int, int]:
    """Return the part a step is in, its number there, and how many that part takes."""
    before = 0
    for part, n_steps in parts.items():
        if step <= before + n_steps:
            return part, step - before, n_steps
        before += n_steps
    raise ValueError(f"step {step} of {before}")


def train_model(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    device: str = "auto",
    cache: Path | None = None,
    processes: Processes | None = None,
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
    processes
        Which of several training processes this is; all of them call this. None: it is alone.

    Raises
    ------
    UsageError
        If the run folder belongs to other settings or scans, does not lie apart from the data, or
        another training is writing to it; or if several processes are to do what one does.
    DataError
        If there is too little to train on.
    ModelError
        If there is no model to start from, or its network is not the one of the recipe.
    DivergedError
        If a loss is not finite any more; the last checkpoint stays.
    StageError
        If memory runs out in a step; the last checkpoint stays.
    KeyboardInterrupt
        After Ctrl-C or a scheduler's signal, once the step in hand is saved.
    """
    from medgan.models import model_card, save_model
    from medgan.training import Processes
    from medgan.training.board import check_installed

    processes = processes or Processes()
    if processes.n > 1 and recipe.kind in FITTED:
        raise UsageError(
            f"a {recipe.kind} is fitted by one process, and this is one of {processes.n}",
            where="kind",
            hint="Start it without torchrun or srun.",
        )
    if processes.n == 1:  # several may run on machines that differ
        recipe = settle(recipe, run / RECIPE)
    with processes.joined(pick_device(device)) as chosen, contextlib.ExitStack() as held:

        def begin() -> tuple[Any, Callable[..., tuple[Result, ModelInfo]], dict[str, str]]:
            check_run(run, data)
            settings = getattr(recipe, "train", None)  # what is fitted has none
            if settings is not None and settings.tensorboard:
                check_installed()  # before anything is fitted
            found = _material(recipe, data, cache or run / CACHE)
            started_with = run, recipe, found[0].sha256, processes.n
            if processes.is_first:
                held.enter_context(claimed(*started_with))
            else:
                check_same(*started_with)
            return found

        material, fit, left_out = processes.first(begin)
        result, info = fit(recipe, material, run, device=chosen, progress=progress)
        if processes.n > 1:
            shared = info.training | {"n_processes": processes.n}
            info = info.model_copy(update={"training": shared})
        if processes.is_first:
            card = model_card(info, len(left_out))
            half = recipe.kind in ("restoration", "slabs", "denoising") and recipe.half
            info = save_model(run, result.generator, info, card, half=half)
        processes.wait()  # a launcher ends all when one has ended
    return Trained(
        run,
        info,
        result.step,
        result.finished,
        result.alarms,
        left_out,
        result.wait_share,
    )


def prepare(recipe: Recipe, data: Path, cache: Path) -> dict[str, Any]:
    """Check what a folder offers a recipe, and fill the cache of prepared samples.

    Returns
    -------
    dict
        Plain JSON: number of scans to train on, held out, and left out with reasons.
    """
    if recipe.kind in OF_VOLUMES:
        from medgan.data.volumes import training_volumes

        volumes = training_volumes(data, recipe.train_parts, cache)
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
    if recipe.kind in OF_VOLUMES:
        from medgan.data.volumes import training_volumes
        from medgan.models.info import find_model
        from medgan.restoration import fit_denoiser, fit_restorer, fit_slabs

        if recipe.warm_start:  # before scans are read for nothing
            find_model(recipe.warm_start)
        volumes = training_volumes(data, recipe.train_parts, cache)
        fits: dict[str, Callable[..., tuple[Result, ModelInfo]]] = {
            "restoration": fit_restorer,
            "slabs": fit_slabs,
            "denoising": fit_denoiser,
        }
        return volumes, fits[recipe.kind], dict(volumes.left_out)
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
