"""A lack of memory is one message that names the batch; other faults are not taken for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from medgan.errors import StageError
from medgan.training import TrainSettings, train
from medgan.training.memory import enough_memory
from medgan.training.processes import Processes
from tests.training.toy import ToyTask

SETTINGS = TrainSettings(steps=6, save_interval=2, log_interval=1)


class GreedyTask(ToyTask):
    """Asks for an exabyte in its fourth step."""

    def real(self, batch: Tensor) -> Tensor:
        if self.is_greedy:
            torch.empty(2**58)
        return batch

    def batches(self, start: int) -> Iterator[Tensor]:
        for step, batch in enumerate(super().batches(start), start):
            self.is_greedy = step == 3
            yield batch


def test_the_last_checkpoint_stays(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="batch_size is too large") as caught:
        train(GreedyTask(), SETTINGS, tmp_path / "run")
    assert caught.value.where == "run"
    assert "new folder" in caught.value.hint
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] == 2
    assert train(ToyTask(), SETTINGS, tmp_path / "run").finished


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_however_it_is_said(error: Exception) -> None:
    with (
        pytest.raises(StageError, match="memory ran out") as caught,
        enough_memory("run", Processes(1, 4)),
    ):
        raise error
    assert caught.value.where == "run, process 1 of 4"


def test_a_killed_loader_is_named() -> None:
    said = RuntimeError("DataLoader worker (pid 5) is killed by signal: Killed.")
    with (
        pytest.raises(StageError, match="loads samples was killed") as caught,
        enough_memory("run", Processes()),
    ):
        raise said
    assert "n_workers" in caught.value.hint


def test_other_faults_go_on_as_they_are() -> None:
    with pytest.raises(RuntimeError, match="shapes"), enough_memory("run", Processes()):
        raise RuntimeError("shapes do not match")
