"""A template that was spoilt is tuned back, as networks see that had no part in it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from medgan.errors import DataError, DivergedError
from medgan.networks.template import DeformableTemplate
from medgan.training.fit_template import fit_template
from medgan.training.match_features import FIRST, FeatureSettings, as_seen, ends, match_features
from medgan.training.random_net import features_of, random_kernels
from medgan.training.registration import RegistrationSettings

from .bent_cases import ball, bent_cases

QUICK = FeatureSettings(steps=60, batch_size=8, n_nets=6)


@pytest.fixture(scope="module")
def cases() -> torch.Tensor:
    return bent_cases(16)


@pytest.fixture(scope="module")
def network(cases: torch.Tensor) -> DeformableTemplate:
    return fit_template(cases, RegistrationSettings(epochs=12, batch_size=4), n_modes=6)[0]


def spoilt(network: DeformableTemplate) -> DeformableTemplate:
    """Grain half as strong again, and a bright bar where no case has one."""
    other = copy.deepcopy(network)
    other.fine_spread *= 1.5
    other.template[0, 2:5, 2:-2, 2:5] += 0.4
    return other


def draw(network: DeformableTemplate, n: int = 60) -> torch.Tensor:
    source = torch.Generator().manual_seed(7)
    with torch.no_grad():
        return network(torch.randn(n, network.latent, generator=source))


def distance(samples: torch.Tensor, cases: torch.Tensor) -> float:
    """Root mean squared difference of mean features, as networks of the evaluation see them."""
    found = []
    for net in range(2):
        kernels = random_kernels(net, cases.shape[1], cases.ndim - 2)
        drawn, real = (features_of(as_seen(x), kernels) for x in (samples, cases))
        found.append((drawn.mean(dim=0) - real.mean(dim=0)) / real.std(dim=0).clamp_min(1e-3))
    return float(torch.cat(found).square().mean().sqrt())


def grain(images: torch.Tensor) -> float:
    return float(images[:, 0, :, -4:].diff(dim=3).square().mean().sqrt())  # outside the ball


def test_what_was_spoilt_is_tuned_back(network: DeformableTemplate, cases: torch.Tensor) -> None:
    worse = spoilt(network)
    tuned = match_features(worse, cases, QUICK)
    before, after = (distance(draw(one), cases) for one in (worse, tuned))
    assert after < 0.5 * before
    real, strong, matched = (grain(x) for x in (cases, draw(worse), draw(tuned)))
    assert abs(matched - real) < 0.5 * abs(strong - real)


def test_modes_stay_and_so_does_what_is_given(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    few = QUICK.model_copy(update={"steps": 3})
    tuned, again = (match_features(network, cases, few) for _ in range(2))
    for name, value in network.state_dict().items():
        assert torch.equal(value, before[name])
        assert torch.equal(getattr(tuned, name), getattr(again, name))
        if name in ("appearance_modes", "strength_modes", "fine_curve"):
            assert torch.equal(getattr(tuned, name), value)
        assert not getattr(tuned, name).requires_grad
    ratio = float(tuned.velocity_modes.norm() / network.velocity_modes.norm())
    assert 1 <= ratio <= 1.25  # the spread of the labels is matched at the end
    torch.testing.assert_close(tuned.velocity_modes, ratio * network.velocity_modes)


def test_no_steps_change_nothing(network: DeformableTemplate, cases: torch.Tensor) -> None:
    tuned = match_features(network, cases, FeatureSettings())
    for name, value in network.state_dict().items():
        assert torch.equal(getattr(tuned, name), value)


def test_cases_that_are_few_or_one_are_refused(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    for real in (cases[:7], ball().expand(9, 2, 16, 20, 16)):
        with pytest.raises(DataError, match="8 that differ") as caught:
            match_features(network, real, QUICK)
        assert "features.steps" in caught.value.hint


def test_scans_keep_their_range(network: DeformableTemplate, cases: torch.Tensor) -> None:
    """Networks see every scan in a range of its own: they would not notice one that is darker."""
    dark = copy.deepcopy(network)
    dark.template[0] -= 0.15
    tuned = match_features(dark, cases, QUICK)
    off = [
        float((ends(draw(x)).mean(dim=1) - ends(cases).mean(dim=1)).abs().max())
        for x in (dark, tuned)
    ]
    assert off[0] > 0.1
    assert off[1] < 0.5 * off[0]


def test_slices_without_labels_are_matched_too() -> None:
    flat = bent_cases(8)[:, :1, :, :, 8]
    network = fit_template(flat, RegistrationSettings(epochs=2), n_modes=3)[0]
    told: list[int] = []
    few = FeatureSettings(steps=4, batch_size=4, n_nets=2)
    tuned = match_features(network, flat, few, lambda step, figures: told.append(step))
    assert told == [1, 2, 3, 4]
    assert tuned.template.shape == (1, 16, 20)
    assert not torch.equal(tuned.template, network.template)


def test_networks_that_match_are_none_of_those_that_judge() -> None:
    judges = [random_kernels(net, 3, 3)[0] for net in range(3)]
    used = [random_kernels(FIRST + net, 3, 3)[0] for net in range(24)]
    assert not any(torch.equal(judge, one) for judge in judges for one in used)
    assert np.isclose(float(used[0].std()), (2 / 81) ** 0.5, rtol=0.1)


def test_numbers_that_overflow_are_named(network: DeformableTemplate, cases: torch.Tensor) -> None:
    wild = QUICK.model_copy(update={"steps": 3, "lr": 1e30})
    with pytest.raises(DivergedError, match="led nowhere") as caught:
        match_features(network, cases, wild)
    assert "features.lr" in caught.value.hint
