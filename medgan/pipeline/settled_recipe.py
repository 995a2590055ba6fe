"""What `precision: auto` of a training stands for, settled once for each run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from medgan.pipeline.machine_choice import chosen

R = TypeVar("R", bound=BaseModel)

AUTO = "auto"


def settle(recipe: R, started: Path) -> R:
    """Put what `medgan doctor` chose for this machine in place of `auto`.

    The recipe that comes back goes into `recipe.json` and `model.json`, so that a run says how it
    computed. One that is taken up again, on whatever machine, goes on as it was started.

    Parameters
    ----------
    recipe
        Of any kind; those without a `train` group have nothing to settle.
    started
        `recipe.json` of the run folder; need not be there.
    """
    train: Any = getattr(recipe, "train", None)
    if train is None or train.precision != AUTO:
        return recipe
    choice = chosen()
    precision = _of(started) or (choice.precision if choice else AUTO)
    settled = train.model_validate(train.model_dump() | {"precision": precision})
    return recipe.model_copy(update={"train": settled})


def _of(started: Path) -> str:
    """Return what a run was started with; empty where it has not been."""
    try:
        document = json.loads(started.read_text(encoding="utf-8"))
        precision = document["recipe"]["train"]["precision"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return precision if precision in ("float32", "bfloat16", AUTO) else ""
