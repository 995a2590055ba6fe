"""The folder of a training run: what it was started with, and who may write to it.

`recipe.json` says what the run was started with. One whose settings or scans differ is refused,
because the weights would be of neither.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from medgan.errors import UsageError
from medgan.pipeline.lock import locked
from medgan.pipeline.stage import STATE
from medgan.record import dump
from medgan.scans.apart import check_apart
from medgan.scans.atomic import is_temporary, write_bytes
from medgan.settings import Settings, digest

RECIPE = "recipe.json"
CACHE = "cache"

NEUTRAL = frozenset({"max_minutes", "log_interval", "save_interval", "tensorboard"})
"""Settings of `train` that may change from one start of a run to the next."""


def check_run(run: Path, data: Path) -> None:
    """Refuse a run folder that holds scans, or files of somebody else.

    Raises
    ------
    UsageError
        If it does.
    """
    check_apart(data, run)
    if (run / RECIPE).is_file() or not run.is_dir():
        return
    if _holds_more_than(CACHE, run=run):
        raise UsageError(
            "the run folder holds files, but no run that could be taken up",
            where=str(run),
            hint="Name a new or empty folder with -o.",
        )


@contextlib.contextmanager
def claimed(run: Path, recipe: Settings, sha256: Sequence[str], n_processes: int) -> Iterator[None]:
    """Hold a run folder alone, and sweep what a killed run left half-written in it.

    A start that is refused before anything was trained leaves no recipe: what was wrong in it may
    be mended there.

    Raises
    ------
    UsageError
        If another training writes to it, or it was started with other settings or scans.
    """
    with locked(run / STATE):
        for path in filter(is_temporary, [*run.iterdir(), *(run / CACHE).glob(".*")]):
            path.unlink(missing_ok=True)
        is_new = not (run / RECIPE).is_file()
        if is_new:
            write_bytes(run / RECIPE, dump(_started_with(recipe, sha256, n_processes)).encode())
        check_same(run, recipe, sha256, n_processes)
        try:
            yield
        except BaseException:
            if is_new and not _holds_more_than(CACHE, RECIPE, run=run):
                (run / RECIPE).unlink()
            raise


def _holds_more_than(*names: str, run: Path) -> bool:
    """Tell whether anything else lies there, other than hidden files."""
    return any(not p.name.startswith(".") and p.name not in names for p in run.iterdir())


def check_same(run: Path, recipe: Settings, sha256: Sequence[str], n_processes: int) -> None:
    """Make sure that a run was started with these settings and scans.

    Raises
    ------
    UsageError
        If not; names what differs.
    """
    try:
        there = json.loads((run / RECIPE).read_text(encoding="utf-8"))
    except ValueError:
        there = {}
    there = _that_matters(there)
    here = _that_matters(_started_with(recipe, sha256, n_processes))
    if digest(there) != digest(here):
        raise UsageError(
            f"the run that is there was started with other {_differences(there, here)}",
            where=str(run),
            hint="Name a new folder with -o, or go back to the settings in its recipe.json.",
        )


def _started_with(recipe: Settings, sha256: Sequence[str], n_processes: int) -> dict[str, Any]:
    document = {"recipe": recipe.model_dump(mode="json"), "scans": sorted(sha256)}
    return document | ({"n_processes": n_processes} if n_processes > 1 else {})


def _that_matters(document: dict[str, Any]) -> dict[str, Any]:
    """Leave out what changes no weight: when to stop, log and save, and how the work is shared.

    Of the batch, all of it counts: a run may go on with half as many processes and twice the
    `batch_size`.
    """
    recipe = dict(document.get("recipe", {}))
    if isinstance(recipe.get("train"), dict):
        recipe["train"] = {k: v for k, v in recipe["train"].items() if k not in NEUTRAL}
    recipe.pop("n_workers", None)
    if isinstance(recipe.get("batch_size"), int):
        recipe["batch_size"] *= document.get("n_processes", 1)
    return {"recipe": recipe, "scans": document.get("scans")}


def _differences(there: dict[str, Any], here: dict[str, Any]) -> str:
    if there["scans"] != here["scans"]:
        return "scans"
    before, now = _flat(there["recipe"]), _flat(here["recipe"])
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
