"""Templates and displacements of phantoms whose alignment is known."""

from __future__ import annotations

import pytest
import torch

from medgan.errors import DivergedError
from medgan.networks.warp import finer, integrate, jacobian_determinants, warp
from medgan.training.registration import RegistrationSettings, align, learn_template

from .bent_cases import SHAPE, ball, bent_cases

QUICK = RegistrationSettings(epochs=25, batch_size=4)


def test_the_template_of_identical_cases_is_that_case() -> None:
    case = ball(noise=0.1)
    aligned = learn_template(case.expand(5, *case.shape), QUICK)
    torch.testing.assert_close(aligned.template, case, atol=1e-4, rtol=0)
    assert aligned.velocity.abs().max() < 1e-3


def test_two_shifted_cases_meet_half_way() -> None:
    cases = torch.stack([ball((1.5, 0, 0)), ball((-1.5, 0, 0))])
    aligned = learn_template(cases, RegistrationSettings(epochs=60, smoothness=0.02))
    field = finer(integrate(aligned.velocity), SHAPE)
    border = cases[:, 1].abs() < 0.9  # further in and out nothing tells where it came from
    # The value for p lies towards the middle: -1.5 voxels for the case that was shifted by +1.5,
    # less what smoothness holds back and the template gives.
    found = [float(field[i, 0][border[i]].mean()) for i in range(2)]
    assert -3.2 < found[0] - found[1] < -1.9
    assert found[0] == pytest.approx(-found[1], abs=0.1)
    assert field[:, 1:][:, :, border[0]].mean().abs() < 0.1


def test_alignment_explains_what_shape_alone_differs_in_and_folds_nothing() -> None:
    cases = bent_cases(noise=0)
    losses: list[float] = []
    aligned = learn_template(cases, QUICK, lambda epoch, figures: losses.append(figures["loss"]))
    field = finer(integrate(aligned.velocity), SHAPE)
    warped = warp(aligned.template.expand_as(cases), field)
    left = (warped - cases).square().mean()
    assert left < 0.1 * (cases - cases.mean(dim=0)).square().mean()
    assert jacobian_determinants(field).min() > 0
    assert len(losses) == QUICK.epochs
    assert losses[-1] < 0.5 * losses[0]


def test_the_same_cases_give_the_same_template() -> None:
    cases = bent_cases(4)
    few = RegistrationSettings(epochs=2, batch_size=3)
    one, two = learn_template(cases, few), learn_template(cases, few)
    assert torch.equal(one.template, two.template)
    assert torch.equal(one.velocity, two.velocity)


@pytest.mark.parametrize("rate", ["displacement_lr", "template_lr"])
def test_rates_that_let_numbers_overflow_are_named(rate) -> None:
    cases = torch.stack([ball((1.5, 0, 0)), ball((-1.5, 0, 0))])
    settings = RegistrationSettings(epochs=2, batch_size=1).model_copy(update={rate: 1e30})
    with pytest.raises(DivergedError, match="do not align") as caught:
        learn_template(cases, settings)
    assert rate in str(caught.value.hint)


def test_a_template_that_stays_is_bent_to_the_cases() -> None:
    template = ball()
    moved = torch.stack([ball((1.0, 0, 0)), ball((0, -1.0, 0))])
    found = align(template, moved, QUICK)
    assert found.template is template
    field = finer(integrate(found.velocity), SHAPE)
    before, after = (
        (x - moved).square().mean() for x in (template, warp(template.expand_as(moved), field))
    )
    assert after < 0.05 * before
    inside = (ball()[1] > 0).expand(2, *SHAPE)
    along = [float(field[n, n][inside[n]].mean()) for n in (0, 1)]
    assert along[0] < -0.4  # far inside nothing tells where it came from
    assert along[1] > 0.4


def test_what_runs_away_from_a_template_is_refused() -> None:
    wild = RegistrationSettings(epochs=3, displacement_lr=1e30)
    with pytest.raises(DivergedError, match="do not align"):
        align(ball(), bent_cases(2), wild)
