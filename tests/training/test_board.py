"""What TensorBoard reads back, by its own reader."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from medgan.errors import ConfigError
from medgan.training.board import BOARD, Board, check_installed


def read(run: Path) -> EventAccumulator:
    events = EventAccumulator(str(run / BOARD))
    events.Reload()
    return events


def test_curves_alarms_and_pictures_are_there(tmp_path: Path) -> None:
    board = Board(tmp_path, 0)
    for step in (1, 2):
        board.write({"step": step, "d_loss": 0.5 / step})
    board.write({"step": 2, "alarm": "collapse", "advice": "more data"})
    board.show(np.zeros((8, 12), np.uint8), 2)
    board.close()
    events = read(tmp_path)
    assert [(e.step, e.value) for e in events.Scalars("d_loss")] == [(1, 0.5), (2, 0.25)]
    assert events.Images("montage")[0].step == 2
    assert "alarm/text_summary" in events.Tags()["tensors"]


def test_a_run_taken_up_shows_no_step_twice(tmp_path: Path) -> None:
    for first, last in ((0, 4), (2, 5)):  # killed after step 4, saved after step 2
        board = Board(tmp_path, first)
        for step in range(first + 1, last + 1):
            board.write({"step": step, "d_loss": float(first)})
        board.close()
    events = read(tmp_path).Scalars("d_loss")
    assert [(e.step, e.value) for e in events] == [(1, 0), (2, 0), (3, 2), (4, 2), (5, 2)]


def test_without_tensorboard_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ConfigError, match="not installed") as caught:
        check_installed()
    assert "medgan[tensorboard]" in caught.value.hint
