"""The average forgets at its half-life, and the start at once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from medgan.training.ema import Ema


def test_half_of_a_jump_is_left_after_one_half_life() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(module.weight)
    ema = Ema(module, half_life=10)
    nn.init.ones_(module.weight)
    for step in range(1000, 1010):
        ema.update(module, step)
    assert ema.module.weight.item() == pytest.approx(0.5, abs=1e-6)


def test_zero_half_life_copies_and_the_average_takes_no_gradient() -> None:
    module = nn.Linear(2, 2)
    ema = Ema(module, half_life=0)
    nn.init.ones_(module.weight)
    ema.update(module, 0)
    assert torch.equal(ema.module.weight, module.weight)
    assert not any(p.requires_grad for p in ema.module.parameters())


def test_buffers_are_copied() -> None:
    module = nn.BatchNorm1d(2)
    ema = Ema(module, half_life=50)
    module(torch.randn(8, 2) + 5)
    ema.update(module, 1000)
    assert torch.equal(ema.module.running_mean, module.running_mean)
