"""Samples are given the spread, spectrum and variety of sharpness of phantoms."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.bands import log_sizes
from medgan.networks.template import DeformableTemplate
from medgan.training.fit_template import fit_template
from medgan.training.match_samples import match

from .bent_cases import FIELDS, QUICK, bent_cases, draw


def test_matching_raises_what_is_too_tame(network: DeformableTemplate, cases: torch.Tensor) -> None:
    tame = DeformableTemplate(3, 2, cases.shape[2:], network.n_modes)
    tame.load_state_dict(network.state_dict())
    tame.velocity_modes *= 0.85
    tame.rest_amounts[:, :3] *= 0.85
    tame.fine_spectrum *= 0.7
    before = {name: value.clone() for name, value in tame.state_dict().items()}
    matched = match(tame, cases)
    for name, value in tame.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    meant, found = (one.velocity_modes.norm() for one in (network, matched))
    assert float(found / meant) == pytest.approx(1.03, abs=0.12)
    spread = [draw(one, 60)[:, :1].var(dim=0).mean().sqrt() for one in (network, matched, tame)]
    assert float(spread[1] / spread[0]) == pytest.approx(1, abs=0.05)
    assert float(spread[2] / spread[0]) < 0.9


def test_labels_vary_as_those_of_the_cases(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    tame = DeformableTemplate(3, 2, cases.shape[2:], network.n_modes)
    tame.load_state_dict(network.state_dict())
    tame.velocity_modes *= 0.85
    spread = [x[:, 1].var(dim=0).mean().sqrt() for x in (draw(match(tame, cases), 400), cases)]
    assert float(spread[0] / spread[1]) == pytest.approx(1, abs=0.05)


def test_images_differ_in_sharpness_as_the_cases_do() -> None:
    """Cases with little and with much grain, which one strength would average."""
    source = torch.Generator().manual_seed(2)
    cases = bent_cases(24, noise=0)
    grain = 0.02 * 4 ** torch.rand(24, 1, 1, 1, 1, generator=source)
    cases[:, :1] += grain * torch.randn(cases[:, :1].shape, generator=source)
    cases = cases.clamp(-1, 1)
    network = fit_template(cases, QUICK, n_modes=0, fields=FIELDS)[0]
    wanted, found = (log_sizes(x[:, :1]) for x in (cases, draw(network, 300)))
    torch.testing.assert_close(found.mean(dim=0), wanted.mean(dim=0), atol=0.1, rtol=0)
    torch.testing.assert_close(found.std(dim=0), wanted.std(dim=0), atol=0.03, rtol=0.25)
    assert wanted.std(dim=0)[0] > 0.2
    network.gain_root.zero_()
    assert (log_sizes(draw(network, 100)[:, :1]).std(dim=0) < wanted.std(dim=0) / 2)[0]


def test_a_blank_case_does_not_count(network: DeformableTemplate, cases: torch.Tensor) -> None:
    blank = torch.cat([cases, -torch.ones_like(cases[:1])])
    for_cases, with_blank = (match(network, some) for some in (cases, blank))
    off = with_blank.gain_mean - for_cases.gain_mean
    assert off.abs().max() < 0.1  # the spectrum sees it, gains do not
    assert with_blank.gain_root.abs().max() < 0.1
    assert not match(network, blank[-3:] * 0).gain_mean.any()


def test_gains_stay_small_however_different_the_samples_are(network: DeformableTemplate) -> None:
    noise = torch.rand(8, 2, *network.shape, generator=torch.Generator().manual_seed(1)) * 2 - 1
    matched = match(network, noise)
    assert matched.gain_mean.abs().max() < 0.41
    assert torch.linalg.matrix_norm(matched.gain_root, ord=2) < 0.41
    assert draw(matched, 2).isfinite().all()
