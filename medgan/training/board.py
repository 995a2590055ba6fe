"""The log and the montages of a run as TensorBoard shows them; needs `medgan[tensorboard]`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ConfigError

BOARD = "tensorboard"
"""Folder in the run folder; `tensorboard --logdir RUN` finds it."""


def check_installed() -> None:
    """Refuse a run that asks for TensorBoard where it is not.

    Raises
    ------
    ConfigError
        If it is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError:
        raise ConfigError(
            "TensorBoard is asked for and not installed",
            where="train.tensorboard",
            hint="pip install 'medgan[tensorboard]', or set it to false: log.jsonl says the same.",
        ) from None


class Board:
    """Writes event files beside `log.jsonl`.

    Parameters
    ----------
    run
        The run folder.
    step
        Steps done: what an interrupted run wrote of later ones is not shown.

    """

    def __init__(self, run: Path, step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(run / BOARD), purge_step=step + 1)

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line of the log: figures as curves, alarms as text."""
        step = line["step"]
        for name, value in line.items():
            if isinstance(value, str):
                self._writer.add_text(name, value, step)
            elif name != "step":
                self._writer.add_scalar(name, value, step)

    def show(self, picture: NDArray[np.uint8], step: int) -> None:
        """Add a grey picture (h, w)."""
        self._writer.add_image("montage", picture, step, dataformats="HW")
        self._writer.flush()

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
