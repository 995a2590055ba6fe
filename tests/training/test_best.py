"""The best step is the one with the least figure, and its weights are kept as they were."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from medgan.errors import ConfigError
from medgan.training.best import Best
from medgan.training.settings import TrainSettings


def network(value: float) -> nn.Module:
    module = nn.Linear(2, 1)
    nn.init.constant_(module.weight, value)
    return module


def test_the_least_figure_wins_and_of_equals_the_first() -> None:
    best, module = Best("kid"), network(0)
    for step, value in ((1, math.nan), (2, 5.0), (3, 3.0), (4, 3.0), (5, math.nan), (6, 4.0)):
        nn.init.constant_(module.weight, step)
        best.look(step, {"kid": value, "other": -step}, module)
    assert (best.step, best.value) == (3, 3.0)
    found = network(0)
    assert best.put_into(found)
    assert torch.equal(found.weight, torch.full((1, 2), 3.0))


def test_nothing_is_kept_that_nobody_asked_for() -> None:
    best = Best(None)
    best.look(1, {"kid": 1.0}, network(1))
    assert not best.weights
    module = network(7)
    assert not best.put_into(module)
    assert torch.equal(module.weight, torch.full((1, 2), 7.0))


def test_a_figure_that_is_not_measured_is_named() -> None:
    with pytest.raises(ConfigError, match="no figure fid: it has kid_joint, kid_rand") as caught:
        Best("fid").look(1, {"kid_rand": 1.0, "kid_joint": 1.0}, network(1))
    assert caught.value.where == "train.best_by"
    assert caught.value.hint


def test_a_state_taken_up_goes_on() -> None:
    first, second = Best("kid"), Best("kid")
    first.look(1, {"kid": 1.0}, network(1))
    second.take_up(first.state())
    second.look(2, {"kid": 2.0}, network(2))
    assert (second.step, second.value) == (1, 1.0)


def test_an_empty_name_is_no_figure() -> None:
    with pytest.raises(ValueError, match="best_by"):
        TrainSettings(best_by="")
