"""One step: from a state it is always the same one; layouts and rates change nothing else."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from medgan.errors import ModelError
from medgan.training import TrainSettings
from medgan.training.processes import Processes
from medgan.training.trainer import Trainer, channels_last
from tests.training.toy import ToyTask

COVERS = ("precision",)

SETTINGS = TrainSettings(steps=9, r1_gamma=0.1, r2_gamma=0.1, penalty_interval=2)


def make() -> Trainer:
    return Trainer(ToyTask(), SETTINGS, "run", "cpu", Processes())


def test_a_state_taken_up_makes_the_same_step() -> None:
    first, second = make(), make()
    batches = first.task.batches(0)
    for _ in range(3):
        first.one_step(next(batches))
    second.take_up(copy.deepcopy(first.state()))
    batch = next(batches)
    assert first.one_step(batch) == second.one_step(batch)
    for name in ("generator", "discriminator", "ema"):
        for one, other in zip(
            first.state()[name].values(), second.state()[name].values(), strict=True
        ):
            assert torch.equal(one, other)


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_state_of_other_networks_is_refused(network: str) -> None:
    state = copy.deepcopy(make().state())
    name, tensor = next(iter(state[network].items()))
    state[network][name] = torch.cat([tensor, tensor])
    with pytest.raises(ModelError, match="another version"):
        make().take_up(state)


@pytest.mark.parametrize("layer", [nn.Conv2d, nn.ConvTranspose2d, nn.Conv3d])
def test_the_layout_of_weights_changes_no_value(layer: type[nn.Module]) -> None:
    network = layer(4, 6, 3)
    before = network.weight.detach().clone()
    assert torch.equal(channels_last(network).weight, before)
    if layer is not nn.Conv3d:
        assert network.weight.is_contiguous(memory_format=torch.channels_last)


def test_rates_rise_and_fall() -> None:
    settings = TrainSettings(steps=100, warmup_steps=10, decay_from=0.5)
    factors = [settings.rate_factor(step) for step in range(100)]
    assert factors[0] == pytest.approx(0.1)
    assert factors[10:50] == [1.0] * 40
    assert factors[75] == pytest.approx(0.5, abs=0.01)
    assert factors[99] < 0.01


CALM = TrainSettings(
    r1_gamma=0.1, penalty_interval=1, discriminator_lr=1e-9, generator_lr=1e-9, warmup_steps=0
)


def names_of(trainer: Trainer, step: int) -> list[str]:
    """Take the step, and return what it raised."""
    trainer.step = step
    trainer.one_step(next(trainer.task.batches(step)))
    return [alarm.name for alarm in trainer.alarms]


def test_a_discriminator_that_suddenly_turns_steep_has_a_runaway_penalty() -> None:
    trainer = Trainer(ToyTask(), CALM, "run", "cpu", Processes())
    assert [name for step in range(101, 124) for name in names_of(trainer, step)] == []
    with torch.no_grad():
        trainer.discriminator[-1].weight *= 300
    raised = [(step, name) for step in range(126, 130) for name in names_of(trainer, step)]
    assert (128, "runaway penalty") in raised


def test_an_average_that_was_left_behind_is_said_to_drift() -> None:
    trainer = Trainer(ToyTask(), CALM, "run", "cpu", Processes())
    for step in (125, 150, 175):
        assert "drifting average" not in names_of(trainer, step)
    with torch.no_grad():
        trainer.ema.module.weight *= 0.5
    trainer.ema.update = lambda module, step: None  # type: ignore[method-assign]
    assert "drifting average" not in names_of(trainer, 200)
    assert "drifting average" in names_of(trainer, 225)
    assert "drifting average" not in names_of(trainer, 250)
