"""A model that keeps its cases is found out; one that has never seen them is not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from medgan.evaluation.membership import (
    compare,
    membership,
    project,
    reconstruction_errors,
    search,
)
from medgan.networks.template import DeformableTemplate
from medgan.training.fit_prior import fit_prior

SHAPE = (8, 8)


def cases(n: int, seed: int) -> Tensor:
    """Image and label channel, each a random smooth field plus noise: none is like another."""
    source = torch.Generator().manual_seed(seed)
    coarse = torch.randn(n, 2, 3, 3, generator=source)
    smooth = nn.functional.interpolate(coarse, SHAPE, mode="bilinear", align_corners=True)
    return (0.3 * smooth + 0.2 * torch.randn(n, 2, *SHAPE, generator=source)).clamp(-1, 1)


TRAIN, UNSEEN, OTHERS = cases(30, 0), cases(40, 1), cases(30, 2)


class Spanned(nn.Module):
    """tanh of a mean and modes: what gradient descent has to invert."""

    def __init__(self, samples: Tensor) -> None:
        super().__init__()
        prior = fit_prior(samples.atanh().clamp(-3, 3))
        self.mean, self.modes, self.latent = prior.mean, prior.modes, prior.latent

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.mean + z @ self.modes).view(-1, 2, *SHAPE)


@pytest.mark.parametrize("make", [fit_prior, Spanned])
def test_a_model_that_keeps_its_cases_is_found_out(make) -> None:
    for found in membership(make(TRAIN), TRAIN, UNSEEN):
        assert found.auc > 0.97
        assert found.train_median < 0.2 * found.unseen_median


@pytest.mark.parametrize("make", [fit_prior, Spanned])
def test_a_model_of_other_cases_tells_nothing(make) -> None:
    found = membership(make(OTHERS), TRAIN, UNSEEN)
    assert [one.name for one in found] == ["joint", "image", "labels"]
    assert all(abs(one.auc - 0.5) < 2.5 * one.se for one in found)


def test_fewer_modes_tell_less() -> None:
    areas = [membership(fit_prior(TRAIN, k), TRAIN, UNSEEN)[0].auc for k in (1, 5, 29)]
    assert areas == sorted(areas)
    assert areas[-1] > areas[0] + 0.2


def test_of_a_template_the_scores_are_found_and_noise_is_left_out() -> None:
    network = DeformableTemplate(2, 2, SHAPE, 2)
    network.template.copy_(TRAIN[0])
    network.appearance_modes.copy_(torch.randn(network.appearance_modes.shape) * 0.1)
    network.fine_spread.fill_(0.5)
    network.fine_spectrum.fill_(1)
    z = torch.zeros(3, network.latent)
    z[:, :2] = torch.tensor([[1.0, -1.0], [0.5, 2.0], [0.0, 0.0]])
    made = network(z)
    errors = reconstruction_errors(network, made)
    assert errors["joint"].max() < 1e-4
    far = reconstruction_errors(network, made + 0.1)
    assert far["joint"].min() > 10 * errors["joint"].max()


def test_projection_is_that_of_least_squares() -> None:
    modes, target = torch.randn(3, 128), torch.randn(2, 2, *SHAPE)
    mean = torch.randn(128)
    weights = np.linalg.lstsq(modes.T.numpy(), (target.flatten(1) - mean).T.numpy(), rcond=None)[0]
    expected = mean.numpy() + (modes.T.numpy() @ weights).T
    np.testing.assert_allclose(project(mean, modes, target).flatten(1), expected, atol=1e-4)


def test_search_finds_a_latent_and_needs_none() -> None:
    direction = torch.tensor([3.0, 1.0])
    found = search(lambda z: z * direction, 2, torch.tensor([[3.0, -1.5]]), steps=200)
    torch.testing.assert_close(found, torch.tensor([[3.0, -1.5]]), atol=0.02, rtol=0)
    same = search(lambda z: torch.ones(len(z), 2), 0, torch.zeros(3, 2))
    assert same.tolist() == [[1, 1]] * 3


def test_the_area_counts_pairs() -> None:
    found = compare("joint", np.array([1.0, 2.0, 5.0]), np.array([3.0, 5.0]))
    assert found.auc == pytest.approx((2 + 2 + 0.5) / 6)  # 5 and 5: half
    assert (found.train_median, found.unseen_median) == (2, 4)
