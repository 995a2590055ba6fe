"""Samples are given the spread, spectrum and variety of sharpness of phantoms."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.signed_distance import decode
from medgan.evaluation.label_plausibility import label_statistics
from medgan.networks.bands import log_sizes
from medgan.networks.template import DeformableTemplate, shifts
from medgan.training.fit_template import fit_template
from medgan.training.match_samples import match, roughness

from .bent_cases import bent_cases, draw, settings


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


def test_borders_of_labels_are_as_rough_as_those_of_the_cases(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    """Borders of the cases are moved by what is no displacement; smooth ones stay smooth."""
    source = torch.Generator().manual_seed(3)
    noise = torch.randn(len(cases), 3, *cases.shape[2:], generator=source)
    labels = cases[:, 1:] + 0.25 * shifts(cases[:, 1:], noise)
    ragged = torch.cat([cases[:, :1], labels.clamp(-1, 1)], dim=1)
    matched = match(network, ragged)
    before, found, wanted = (
        float(roughness(x[:, 1:].split(1))) for x in (cases, draw(matched, 100), ragged)
    )
    assert wanted > 1.05 * before
    assert found == pytest.approx(wanted, rel=0.02)
    assert matched.raggedness > 0.1
    smoothest = cases[:, 1:].mean(dim=0).expand_as(cases[:, 1:])
    assert match(network, torch.cat([cases[:, :1], smoothest], dim=1)).raggedness < 0.05


def test_a_class_that_no_case_has_roughens_nothing(
    network: DeformableTemplate, cases: torch.Tensor
) -> None:
    wider = DeformableTemplate(3, 3, cases.shape[2:], network.n_modes)
    state = network.state_dict()
    absent = -torch.ones_like(cases[:, :1])
    wider.load_state_dict(state | {"template": torch.cat([state["template"], absent[0]])})
    matched = match(wider, torch.cat([cases, absent], dim=1))
    assert float(matched.raggedness) == float(match(network, cases).raggedness)


def test_roughness_is_that_of_the_evaluation(cases: torch.Tensor) -> None:
    labels = torch.cat([cases[:, 1:], -1 - cases[:, 1:]], dim=1)  # the second lies around nothing
    labels[0, 1, :3, :3, :3] = 2
    maps = np.stack([decode(one.numpy(), (1, 2)) for one in labels])
    wanted = label_statistics(maps, (1, 2))
    of_both = [np.nanmean(wanted[f"roughness of {value}"]) for value in (1, 2)]
    np.testing.assert_allclose(roughness(labels.split(1)), of_both)


def test_images_differ_in_sharpness_as_the_cases_do() -> None:
    """Cases with little and with much grain, which one strength would average."""
    source = torch.Generator().manual_seed(2)
    cases = bent_cases(24, noise=0)
    grain = 0.02 * 4 ** torch.rand(24, 1, 1, 1, 1, generator=source)
    cases[:, :1] += grain * torch.randn(cases[:, :1].shape, generator=source)
    cases = cases.clamp(-1, 1)
    network = fit_template(cases, settings(n_modes=0))[0]
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
