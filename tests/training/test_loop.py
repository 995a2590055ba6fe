"""A run is the same however often it is interrupted, says what goes wrong, and stops when told."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from medgan.errors import DivergedError
from medgan.training import TrainSettings, train
from tests.training.toy import ToyTask

BASE = {
    "steps": 12,
    "objective": "relativistic",
    "r1_gamma": 0.1,
    "r2_gamma": 0.1,
    "penalty_interval": 3,
    "reconstruction_weight": 1.0,
    "log_interval": 1,
    "save_interval": 5,
}


def without_waiting(log: Path) -> list[dict[str, float]]:
    """The one thing of a log that the clock decides left out."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    shares = [line.pop("wait_share") for line in lines]
    assert all(0 <= share <= 1 for share in shares)
    return lines


def weights(module: torch.nn.Module) -> torch.Tensor:
    return torch.cat([p.flatten() for p in module.parameters()])


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("objective", ["minmax", "non_saturating", "relativistic"])
def test_an_interrupted_run_ends_like_an_unbroken_one(
    tmp_path: Path, spatial_dims: int, objective: str
) -> None:
    settings = TrainSettings(**(BASE | {"objective": objective}))
    whole = train(ToyTask(spatial_dims), settings, tmp_path / "whole")

    def stop(step: int, _: dict[str, float]) -> None:
        if step == 8:  # three steps after the last checkpoint
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        train(ToyTask(spatial_dims), settings, tmp_path / "broken", progress=stop)
    resumed = train(ToyTask(spatial_dims), settings, tmp_path / "broken")

    assert resumed.finished
    assert torch.equal(weights(whole.generator), weights(resumed.generator))
    logs = [without_waiting(tmp_path / name / "log.jsonl") for name in ("whole", "broken")]
    assert logs[0] == logs[1]


@pytest.fixture
def _ctrl_c_counts() -> Iterator[None]:
    """A test run that was started in the background ignores Ctrl-C; this one does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_counts")
def test_ctrl_c_saves_and_the_run_goes_on(tmp_path: Path) -> None:
    settings = TrainSettings(**BASE)

    def press(step: int, _: dict[str, float]) -> None:
        if step == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(ToyTask(), settings, tmp_path / "run", progress=press)
    assert torch.load(tmp_path / "run" / "state.pt", weights_only=True)["step"] in (7, 8)
    resumed = train(ToyTask(), settings, tmp_path / "run")
    whole = train(ToyTask(), settings, tmp_path / "whole")
    assert torch.equal(weights(whole.generator), weights(resumed.generator))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_it_also_runs_outside_the_main_thread(tmp_path: Path) -> None:
    done: list[bool] = []

    def work() -> None:
        done.append(train(ToyTask(), TrainSettings(**BASE), tmp_path).finished)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_a_loss_that_is_not_finite_stops_the_run_and_says_so(tmp_path: Path) -> None:
    task = ToyTask()
    with torch.no_grad():
        next(task.generator.parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError, match="not finite at step 1") as caught:
        train(task, TrainSettings(**BASE), tmp_path / "run")
    assert caught.value.hint
    assert caught.value.where == "run"


def test_a_minute_budget_leaves_a_run_that_can_be_resumed(tmp_path: Path) -> None:
    settings = TrainSettings(**(BASE | {"max_minutes": 1e-9}))
    first = train(ToyTask(), settings, tmp_path)
    assert (first.step, first.finished) == (1, False)
    assert train(ToyTask(), settings, tmp_path).step == 2


def test_without_adversary_the_discriminator_is_left_alone(tmp_path: Path) -> None:
    task = ToyTask()
    before = weights(task.discriminator).clone()
    train(task, TrainSettings(**(BASE | {"adversarial_weight": 0})), tmp_path)
    assert torch.equal(before, weights(task.discriminator))


def test_it_learns_the_mean_of_the_data(tmp_path: Path) -> None:
    settings = TrainSettings(
        **(BASE | {"steps": 300, "adversarial_weight": 0.1, "generator_lr": 0.02})
    )
    result = train(ToyTask(), settings, tmp_path)
    latents = torch.zeros(1, 3)
    with torch.no_grad():
        assert result.generator(latents).mean().item() == pytest.approx(0.5, abs=0.05)


def test_validation_is_called_at_every_save_and_logged(tmp_path: Path) -> None:
    seen: list[int] = []

    def validate(_: torch.nn.Module, step: int) -> dict[str, float]:
        seen.append(step)
        return {"score": 1.0}

    result = train(ToyTask(), TrainSettings(**BASE), tmp_path, validate=validate)
    assert seen == [5, 10, 12]
    assert result.figures == {"score": 1.0}
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sum("val_score" in line for line in lines) == 3


@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_weights_stay_float32_in_mixed_precision(tmp_path: Path, precision: str) -> None:
    settings = TrainSettings(**(BASE | {"precision": precision}))
    result = train(ToyTask(), settings, tmp_path)
    assert {p.dtype for p in result.generator.parameters()} == {torch.float32}
