"""All that a run needs to go on exactly where it was: weights, optimisers, step, counters."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from medgan.errors import ModelError
from medgan.scans.atomic import write_bytes

STATE = "state.pt"


def save_state(run: Path, state: dict[str, Any]) -> None:
    """Write the training state beside and rename; an interrupted write leaves the old one."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_bytes(run / STATE, buffer.getvalue())


def load_state(run: Path) -> dict[str, Any] | None:
    """Read the training state of a run folder; None where there is none.

    Raises
    ------
    ModelError
        If the file is damaged. Only tensors and plain values are ever unpickled.
    """
    path = run / STATE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise ModelError(
            "the training state cannot be read",
            where=path.name,
            hint="Remove it to start the run again, or train into another folder.",
        ) from error
    return state
