from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from medgan.training.losses import OBJECTIVES, MinMax, NonSaturating, Relativistic

SHAPES = [(6, 1), (3, 1, 4, 5), (2, 1, 3, 4, 2)]


def naive(name: str, real: Tensor, fake: Tensor) -> tuple[float, float]:
    """Both losses as the papers write them, number by number, with probabilities and not logits."""

    def probability(logit: float) -> float:
        return 1 / (1 + math.exp(-logit))

    pairs = list(zip(real.flatten().tolist(), fake.flatten().tolist(), strict=True))
    if name == "relativistic":
        discriminator = [-math.log(probability(x - y)) for x, y in pairs]
        generator = [-math.log(probability(y - x)) for x, y in pairs]
    else:
        discriminator = [-math.log(probability(x)) - math.log(1 - probability(y)) for x, y in pairs]
        generator = [
            math.log(1 - probability(y)) if name == "minmax" else -math.log(probability(y))
            for _, y in pairs
        ]
    return sum(discriminator) / len(pairs), sum(generator) / len(pairs)


def logits(shape: tuple[int, ...], scale: float = 2.0) -> tuple[Tensor, Tensor]:
    real, fake = torch.randn(2, *shape, dtype=torch.float64) * scale
    return real, fake


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ["minmax", "non_saturating", "relativistic"])
def test_equals_the_naive_reference(name: str, shape: tuple[int, ...]) -> None:
    real, fake = logits(shape)
    discriminator, generator = naive(name, real, fake)
    objective = OBJECTIVES[name]
    assert objective.discriminator_loss(real, fake).item() == pytest.approx(discriminator, abs=1e-9)
    assert objective.generator_loss(real, fake).item() == pytest.approx(generator, abs=1e-9)


@pytest.mark.parametrize("shift", [-7.5, 0.3, 100.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_relativistic_loss_and_gradient_do_not_see_shifts(
    shape: tuple[int, ...], shift: float
) -> None:
    real, fake = logits(shape)
    for loss in (Relativistic().discriminator_loss, Relativistic().generator_loss):
        results = []
        for offset in (0.0, shift):
            x, y = ((t + offset).requires_grad_(True) for t in (real, fake))
            value = loss(x, y)
            results.append((value.detach(), *torch.autograd.grad(value, (x, y))))
        for before, after in zip(*results, strict=True):
            torch.testing.assert_close(before, after, atol=1e-10, rtol=1e-10)


def test_relativistic_pairs_are_formed_at_equal_places() -> None:
    real, fake = logits((2, 1, 3, 3))
    order = torch.tensor([1, 0])
    assert Relativistic().discriminator_loss(real, fake[order]) != pytest.approx(
        Relativistic().discriminator_loss(real, fake).item()
    )
    paired = Relativistic().discriminator_loss(real[order], fake[order])
    torch.testing.assert_close(paired, Relativistic().discriminator_loss(real, fake))


@pytest.mark.parametrize("name", ["minmax", "non_saturating", "relativistic"])
def test_sure_logits_stay_finite(name: str) -> None:
    real, fake = torch.full((4, 1), 500.0), torch.full((4, 1), -500.0)
    for x, y in ((real, fake), (fake, real)):
        leaf = y.clone().requires_grad_(True)
        objective = OBJECTIVES[name]
        loss = objective.discriminator_loss(x, leaf) + objective.generator_loss(x, leaf)
        (gradient,) = torch.autograd.grad(loss, leaf)
        assert loss.isfinite()
        assert gradient.isfinite().all()


def test_only_the_minmax_generator_stops_learning_from_a_sure_discriminator() -> None:
    def push(objective: MinMax) -> float:
        fake = torch.tensor([[-20.0]], requires_grad=True)
        objective.generator_loss(torch.zeros(1, 1), fake).backward()
        assert fake.grad is not None
        return fake.grad.item()

    assert abs(push(MinMax())) < 1e-8
    assert push(NonSaturating()) == pytest.approx(-1, abs=1e-6)


def test_an_undecided_discriminator_costs_what_the_papers_say() -> None:
    undecided = torch.zeros(4, 1)
    assert MinMax().discriminator_loss(undecided, undecided).item() == pytest.approx(
        2 * math.log(2)
    )
    relativistic = Relativistic().discriminator_loss(undecided, undecided).item()
    assert relativistic == pytest.approx(math.log(2))
