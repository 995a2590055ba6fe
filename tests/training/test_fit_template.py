"""A template fitted to phantoms: what its samples have in common with them, and what they keep."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from scipy import ndimage

from medgan.networks.template import DeformableTemplate
from medgan.networks.warp import jacobian_determinants
from medgan.training.fit_template import describe, fit_template
from medgan.training.registration import RegistrationSettings, learn_template

from .bent_cases import ball, bent_cases, draw, settings


def test_of_identical_cases_every_sample_is_that_case() -> None:
    case = ball(noise=0.1)
    network = fit_template(case.expand(4, *case.shape), settings(n_modes=3))[0]
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
    assert fit_template(cases[:3], settings(few))[0].n_modes == 2


def test_modes_of_waves_span_the_same_whichever_cases_of_a_template_they_are_of() -> None:
    """One wave, two, one: 2 numbers of each of 3 + 1 fields, two contrasts, and the strength."""
    cases = bent_cases(24)
    aligned = learn_template(cases, RegistrationSettings(epochs=2, batch_size=4))
    fitted = []
    for part in (slice(0, 12), slice(12, 24)):
        of_part = replace(aligned, velocity=aligned.velocity[part])
        network, scores = describe(cases[part], of_part, settings(mode_waves=(1, 2, 1)))
        assert network.n_modes == 11
        assert scores.mean(dim=0).abs().max() < 1e-3
        fitted.append(network)
    for name, n_kept in (("velocity_modes", 6), ("appearance_modes", 4)):
        one, other = (getattr(network, name).flatten(1).double() for network in fitted)
        for modes in (one, torch.cat([one, other])):
            assert torch.linalg.matrix_rank(modes, rtol=1e-4) == n_kept
    modes = fitted[0].velocity_modes[:, 0]
    torch.testing.assert_close(modes, modes[:, :1, :, :1].expand_as(modes))


def test_waves_may_be_more_than_cases_and_than_the_grid_has(cases: torch.Tensor) -> None:
    network, scores = fit_template(
        cases[:4], settings(RegistrationSettings(epochs=1), mode_waves=(2, 1, 99))
    )
    half = cases.shape[-1] // 2
    assert network.n_modes == scores.shape[1] == 4 * 2 * half + 2 + 1
    assert torch.isfinite(draw(network, 2)).all()


def test_what_waves_leave_is_drawn_as_a_random_field(cases: torch.Tensor) -> None:
    aligned = learn_template(cases, RegistrationSettings(epochs=4, batch_size=4))
    plain, _ = describe(cases, aligned, settings(n_modes=6))
    coarse, _ = describe(cases, aligned, settings(mode_waves=(1, 2, 1)))
    spread = [draw(network, 60)[:, 0].var(dim=0).mean().sqrt() for network in (plain, coarse)]
    assert float(spread[1] / spread[0]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (5, 7, 4)])
def test_the_smallest_grids_are_fitted_too(shape: tuple[int, ...]) -> None:
    source = torch.Generator().manual_seed(0)
    small = torch.rand(5, 1, *shape, generator=source) * 2 - 1
    network, _ = fit_template(small, settings(RegistrationSettings(epochs=2), n_modes=2))
    assert draw(network, 2).shape == (2, 1, *shape)
    assert draw(network, 2).isfinite().all()
