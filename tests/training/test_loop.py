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

from medgan.data.share import Share
from medgan.errors import ConfigError, DivergedError, ModelError
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
    "validate_interval": 4,
}


def without_waiting(log: Path) -> list[dict[str, float]]:
    """The one thing of a log that the clock decides left out."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    shares = [line.pop("wait_share", 0) for line in lines]
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


def test_a_loss_that_is_not_finite_stops_the_run_and_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    task = ToyTask()
    with torch.no_grad():
        next(task.generator.parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError, match="g_loss not finite at step 1") as caught:
        train(task, TrainSettings(**BASE), tmp_path / "run")
    assert "lower generator_lr" in caught.value.hint
    assert caught.value.where == "run"
    (line,) = without_waiting(tmp_path / "run" / "log.jsonl")
    assert (line["step"], line["alarm"]) == (1, "not finite")
    assert line["advice"] == caught.value.hint
    assert not caplog.records


class RootTask(ToyTask):
    """From a step on, its loss is the root of 0: itself finite, but not its gradient."""

    from_step = 7

    def reconstruction(self, fake: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        loss = super().reconstruction(fake, batch)
        assert loss is not None
        return loss if self.step < self.from_step else loss + (0 * fake).sum().sqrt()

    def generate(self, generator: torch.nn.Module, batch: torch.Tensor, step: int) -> torch.Tensor:
        self.step = step
        return super().generate(generator, batch, step)


@pytest.mark.parametrize("save_interval", [1, 2, 5, 8])
def test_weights_that_are_not_finite_never_reach_a_checkpoint(
    tmp_path: Path, save_interval: int
) -> None:
    settings = TrainSettings(**(BASE | {"save_interval": save_interval}))
    with pytest.raises(DivergedError, match=r"not finite at step [89]"):
        train(RootTask(), settings, tmp_path)
    if save_interval == 8:  # seven steps were good, and none of them was saved
        assert not (tmp_path / "state.pt").exists()
        return
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    assert state["step"] == 7 // save_interval * save_interval
    for network in ("generator", "discriminator", "ema"):
        assert all(tensor.isfinite().all() for tensor in state[network].values())


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


def test_validation_is_called_at_its_interval_and_at_the_end_and_logged(tmp_path: Path) -> None:
    seen: list[int] = []

    def validate(_: torch.nn.Module, step: int) -> dict[str, float]:
        seen.append(step)
        return {"score": 1.0}

    settings = TrainSettings(**(BASE | {"validate_interval": 5}))
    result = train(ToyTask(), settings, tmp_path, validate=validate)
    assert seen == [5, 10, 12]
    assert result.figures == {"score": 1.0}
    assert result.best is None
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sum("val_score" in line for line in lines) == 3


def test_a_state_of_another_version_is_refused(tmp_path: Path) -> None:
    train(ToyTask(), TrainSettings(**(BASE | {"steps": 5})), tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    name, weight = next(iter(state["generator"].items()))
    for changed in (
        {key: value for key, value in state.items() if key != "losses"},
        state | {"generator": {**state["generator"], "gain": weight}},
        state | {"generator": {**state["generator"], name: torch.cat([weight, weight])}},
    ):
        torch.save(changed, tmp_path / "state.pt")
        with pytest.raises(ModelError, match="another version"):
            train(ToyTask(), TrainSettings(**BASE), tmp_path)


def test_penalties_are_logged_though_seldom_computed(tmp_path: Path) -> None:
    settings = TrainSettings(**(BASE | {"penalty_interval": 4, "log_interval": 3}))
    train(ToyTask(), settings, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "r1" in line and "r2" in line] == [3, 6, 9, 12]


def scores(generator: torch.nn.Module, step: int) -> dict[str, float]:
    """Best in the middle."""
    return {"score": abs(step - 7) + float(weights(generator).mean())}


@pytest.mark.parametrize("session", ["every step ends one", "power cuts"])
def test_the_best_step_does_not_depend_on_interruptions(tmp_path: Path, session: str) -> None:
    settings = TrainSettings(**(BASE | {"best_by": "score"}))
    whole = train(ToyTask(), settings, tmp_path / "whole", validate=scores)
    assert whole.best is not None
    assert (whole.best.step, whole.step) == (8, 12)
    # The rates do not depend on the number of steps, so a run of eight ends with these weights.
    eight = train(ToyTask(), TrainSettings(**(BASE | {"steps": 8})), tmp_path / "eight")
    assert torch.equal(weights(whole.generator), weights(eight.generator))

    # Before and after validations at 4, 8 and 12, and checkpoints at 5 and 10.
    for cut in (2, 5, 8, 11):
        run = tmp_path / f"cut_{cut}"

        def stop(step: int, _: dict[str, float], cut: int = cut) -> None:
            if step == cut:
                raise RuntimeError("power cut")

        if session == "power cuts":
            with pytest.raises(RuntimeError, match="power cut"):
                train(ToyTask(), settings, run, validate=scores, progress=stop)
        else:
            short = TrainSettings(**(settings.model_dump() | {"max_minutes": 1e-9}))
            for _ in range(cut):
                train(ToyTask(), short, run, validate=scores)
        resumed = train(ToyTask(), settings, run, validate=scores)
        assert resumed.finished
        assert resumed.best is not None
        assert (resumed.best.step, resumed.best.value) == (8, whole.best.value)
        assert torch.equal(weights(resumed.generator), weights(whole.generator))
        assert without_waiting(run / "log.jsonl") == without_waiting(tmp_path / "whole/log.jsonl")


def test_a_best_step_by_what_nobody_measures_is_refused(tmp_path: Path) -> None:
    settings = TrainSettings(**(BASE | {"best_by": "kid"}))
    with pytest.raises(ConfigError, match="by kid is asked for, and nothing is validated"):
        train(ToyTask(), settings, tmp_path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ConfigError, match="no figure kid: it has score"):
        train(ToyTask(), settings, tmp_path, validate=scores)


class FewTask(ToyTask):
    """Noise to imitate, a generator that does it perfectly, a discriminator with a good memory.

    Parameters
    ----------
    n_turns
        How many batches there are before the first comes again.
    """

    def __init__(self, n_turns: int) -> None:
        super().__init__(batch_size=8)
        self.n_turns = n_turns
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.discriminator = torch.nn.Sequential(
                torch.nn.Flatten(),
                torch.nn.Linear(16, 128),
                torch.nn.LeakyReLU(0.2),
                torch.nn.Linear(128, 1),
            )

    def batches(self, start: int) -> Iterator[torch.Tensor]:
        step = start
        while True:
            yield self._noise("real", step % self.n_turns, 1, *self.shape)
            step += 1

    def generate(self, generator: torch.nn.Module, batch: torch.Tensor, step: int) -> torch.Tensor:
        return 0 * super().generate(generator, batch, step) + self._noise("fake", step, 1, 4, 4)

    def held_out(self, step: int, share: Share) -> torch.Tensor:
        return self._noise("held out", step, 1, *self.shape)


KNOWN = ("overfitted discriminator",)

LONG = {
    "steps": 190,  # 100 to settle, and sixteen looks
    "discriminator_lr": 2e-3,
    "objective": "relativistic",
    "log_interval": 1000,
    "save_interval": 120,
}


@pytest.fixture
def _frequent_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgan.training.trainer.LOOK_INTERVAL", 5)


@pytest.mark.usefixtures("_frequent_looks")
@pytest.mark.parametrize(("n_turns", "alarms"), [(1, KNOWN), (100_000, ())])
def test_few_scans_are_learnt_by_heart_and_many_are_not(
    tmp_path: Path, n_turns: int, alarms: tuple[str, ...]
) -> None:
    task = FewTask(n_turns)
    result = train(task, TrainSettings(**LONG), tmp_path, held_out=task.held_out)
    assert result.alarms == alarms


@pytest.mark.usefixtures("_frequent_looks")
def test_an_interrupted_run_raises_the_same_alarms(tmp_path: Path) -> None:
    settings = TrainSettings(**(LONG | {"log_interval": 1}))
    task = FewTask(1)
    whole = train(task, settings, tmp_path / "whole", held_out=task.held_out)

    def stop(step: int, _: dict[str, float]) -> None:
        if step == 150:
            raise RuntimeError("power cut")

    task = FewTask(1)
    with pytest.raises(RuntimeError, match="power cut"):
        train(task, settings, tmp_path / "cut", held_out=task.held_out, progress=stop)
    task = FewTask(1)
    resumed = train(task, settings, tmp_path / "cut", held_out=task.held_out)
    assert resumed.alarms == whole.alarms
    logs = [without_waiting(tmp_path / name / "log.jsonl") for name in ("whole", "cut")]
    assert logs[0] == logs[1]
    assert [line["alarm"] for line in logs[0] if "alarm" in line] == list(whole.alarms)


def test_looking_at_scans_held_out_changes_no_weight(tmp_path: Path) -> None:
    def make() -> FewTask:
        task = FewTask(3)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            for layer in (task.discriminator[1], task.discriminator[3]):
                torch.nn.utils.parametrizations.spectral_norm(layer)
        return task

    settings = TrainSettings(**(LONG | {"steps": 60}))
    task = make()
    seen = train(task, settings, tmp_path / "seen", held_out=task.held_out)
    unseen = train(make(), settings, tmp_path / "unseen")
    assert torch.equal(weights(seen.generator), weights(unseen.generator))
    states = [torch.load(tmp_path / n / "state.pt", weights_only=True) for n in ("seen", "unseen")]
    one, other = (state["discriminator"] for state in states)
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("precision", ["auto", "bfloat16"])
def test_weights_stay_float32_in_mixed_precision(tmp_path: Path, precision: str) -> None:
    settings = TrainSettings(**(BASE | {"precision": precision}))
    result = train(ToyTask(), settings, tmp_path)
    assert {p.dtype for p in result.generator.parameters()} == {torch.float32}
