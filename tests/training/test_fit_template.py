"""A template fitted to phantoms: what its samples have in common with them, and what they keep."""

from __future__ import annotations

import pytest
import torch
from scipy import ndimage

from medgan.networks.template import DeformableTemplate
from medgan.networks.warp import jacobian_determinants
from medgan.training.fit_template import describe, fit_template
from medgan.training.match_samples import match
from medgan.training.registration import RegistrationSettings, learn_template

from .bent_cases import ball, bent_cases

COVERS = ("match_samples",)

QUICK = RegistrationSettings(epochs=20, batch_size=4)


@pytest.fixture(scope="module")
def cases() -> torch.Tensor:
    return bent_cases(16)


@pytest.fixture(scope="module")
def network(cases: torch.Tensor) -> DeformableTemplate:
    return fit_template(cases, QUICK, n_modes=6)[0]


def draw(network: DeformableTemplate, n: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(7)
    with torch.no_grad():
        return network(torch.randn(n, network.latent, generator=source))


def test_of_identical_cases_every_sample_is_that_case() -> None:
    case = ball(noise=0.1)
    network = fit_template(case.expand(4, *case.shape), QUICK, n_modes=3)[0]
    torch.testing.assert_close(draw(network, 3), case.expand(3, *case.shape), atol=2e-3, rtol=0)


def test_samples_have_mean_and_spread_of_the_cases(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    samples = draw(network, 200)
    error = cases.std(dim=0) / len(cases) ** 0.5
    assert ((samples.mean(dim=0) - cases.mean(dim=0)).abs() / (error + 0.02)).mean() < 1
    for channel in (0, 1):
        found, wanted = (x[:, channel].var(dim=0).mean().sqrt() for x in (samples, cases))
        assert float(found / wanted) == pytest.approx(1, abs=0.12)


def test_samples_have_the_grain_of_the_cases(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    def grain(images: torch.Tensor) -> float:
        return float(images[:, 0, :, :3].diff(dim=3).square().mean().sqrt())  # outside the ball

    assert grain(draw(network, 50)) == pytest.approx(grain(cases), rel=0.1)


def test_labels_keep_the_topology_of_the_template(network: DeformableTemplate) -> None:
    source = torch.Generator().manual_seed(3)
    z = 2 * torch.randn(40, network.latent, generator=source)  # twice as wild as meant
    with torch.no_grad():
        assert jacobian_determinants(network.displace(z)).min() > 0
        labels = network(z)[:, 1] > 0
    for label in labels.numpy():
        assert ndimage.label(label)[1] == 1
        assert ndimage.label(~label)[1] == 1  # no hole


def test_volumes_vary_as_those_of_the_cases(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    volume = [(x[:, 1] > 0).flatten(1).sum(dim=1).double() for x in (draw(network, 200), cases)]
    assert float(volume[0].mean() / volume[1].mean()) == pytest.approx(1, abs=0.1)
    assert float(volume[0].std() / volume[1].std()) == pytest.approx(1, abs=0.4)  # of 16


def test_more_modes_than_cases_do_not_exist(cases: torch.Tensor) -> None:
    few = RegistrationSettings(epochs=1)
    assert fit_template(cases[:3], few, n_modes=40)[0].n_modes == 2


def test_smoothed_modes_are_smooth_and_samples_vary_as_before(cases: torch.Tensor) -> None:
    aligned = learn_template(cases, RegistrationSettings(epochs=4, batch_size=4))
    (plain, scores), (smooth, others) = (describe(cases, aligned, 6, times) for times in (0, 3))
    for one in (scores, others):  # uncorrelated, of mean 0 and spread 1
        torch.testing.assert_close(one.T @ one / 15, torch.eye(6), atol=1e-3, rtol=0)
        assert one.mean(dim=0).abs().max() < 1e-3

    def grain(network: DeformableTemplate) -> float:
        modes = network.appearance_modes
        return float(modes.diff(dim=2).square().mean() / modes.square().mean())

    assert grain(smooth) < 0.5 * grain(plain)
    spread = [draw(network, 60)[:, 0].var(dim=0).mean().sqrt() for network in (plain, smooth)]
    assert float(spread[1] / spread[0]) == pytest.approx(1, abs=0.15)


def test_matching_raises_what_is_too_tame(network: DeformableTemplate, cases: torch.Tensor) -> None:
    tame = DeformableTemplate(3, 2, cases.shape[2:], network.n_modes)
    tame.load_state_dict(network.state_dict())
    tame.velocity_modes *= 0.85
    tame.velocity_spread *= 0.85
    tame.fine_spectrum *= 0.7
    before = {name: value.clone() for name, value in tame.state_dict().items()}
    matched = match(tame, cases)
    for name, value in tame.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    for name in ("velocity_modes", "fine_spectrum"):
        meant, found = network.state_dict()[name].norm(), matched.state_dict()[name].norm()
        assert float(found / meant) == pytest.approx(1.03, abs=0.12)
