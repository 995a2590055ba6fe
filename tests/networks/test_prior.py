"""A linear prior whose mean, covariance and marginals are known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from medgan.networks import build
from medgan.networks.prior import LinearPrior


def gaussian_prior(quantiles: torch.Tensor) -> LinearPrior:
    """Two voxels of image, two of one label; three modes."""
    prior = LinearPrior(2, 2, (1, 2), latent=3, n_quantiles=len(quantiles))
    modes = torch.tensor([[0.1, 0.05, 0.02, 0.0], [0.0, 0.1, -0.1, 0.05], [0.02, 0.0, 0.0, 0.1]])
    prior.load_state_dict(
        {
            "mean": torch.tensor([0.0, 0.0, 0.2, -0.1]),
            "modes": modes,
            "spread": modes[:, :2].norm(dim=0),
            "quantiles": quantiles,
        }
    )
    return prior.eval()


def draw(prior: LinearPrior, n: int) -> np.ndarray:
    z = torch.randn(n, prior.latent, generator=torch.Generator().manual_seed(1))
    return prior(z).flatten(1).double().numpy()


def test_samples_have_the_fitted_mean_and_covariance() -> None:
    # Quantiles of the very Gaussian: then the copula changes nothing, but for its ends.
    levels = np.linspace(0, 1, 2001)
    prior = gaussian_prior(torch.zeros(2001, 2))
    normal = stats.norm.ppf(levels.clip(1e-5, 1 - 1e-5))[:, None] * prior.spread.numpy()
    prior.quantiles.copy_(torch.from_numpy(normal))
    n = 100_000
    samples = draw(prior, n)
    expected = (prior.modes.T @ prior.modes).double().numpy()
    error = np.sqrt(np.outer(expected.diagonal(), expected.diagonal()) * 2 / n)
    assert np.all(np.abs(np.cov(samples.T) - expected) < 5 * error + 1e-4)
    standard = np.sqrt(expected.diagonal() / n)
    assert np.all(np.abs(samples.mean(axis=0) - prior.mean.double().numpy()) < 5 * standard + 1e-4)


def test_image_voxels_have_the_given_marginals() -> None:
    levels = torch.linspace(0, 1, 101)
    uniform, squared = 2 * levels - 1, levels.square()
    samples = draw(gaussian_prior(torch.stack([uniform, squared], dim=1)), 20_000)
    assert stats.kstest(samples[:, 0], stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert stats.kstest(np.sqrt(samples[:, 1]), stats.uniform(0, 1).cdf).pvalue > 0.01
    # And keep the order that the Gaussian gave them: the copula is monotonous.
    rank = stats.spearmanr(samples[:, 0], samples[:, 1]).statistic
    modes = gaussian_prior(torch.zeros(2, 2)).modes[:, :2]
    r = float(torch.corrcoef(torch.cat([modes, -modes]).T)[0, 1])
    assert rank == pytest.approx(6 / np.pi * np.arcsin(r / 2), abs=0.02)


def test_the_centre_is_the_median_and_nothing_leaves_the_range() -> None:
    levels = torch.linspace(0, 1, 3)[:, None].expand(3, 2) * torch.tensor([1.0, 0.5])
    prior = gaussian_prior(levels.contiguous())
    centre = prior(torch.zeros(1, 3))
    torch.testing.assert_close(centre, torch.tensor([[[[0.5, 0.25]], [[0.2, -0.1]]]]))
    far = prior(100 * torch.eye(3))
    assert far.shape == (3, 2, 1, 2)
    assert far.abs().max() <= 1


@pytest.mark.parametrize(
    "changes", [{"shape": [4, 4]}, {"latent": 0}, {"n_quantiles": 1}, {"spatial_dims": 2}]
)
def test_settings_that_mean_nothing_are_refused(changes: dict[str, object]) -> None:
    good = {
        "spatial_dims": 3,
        "out_channels": 1,
        "shape": [4, 4, 4],
        "latent": 2,
        "n_quantiles": 3,
    }
    build("linear_prior", good)
    with pytest.raises(ValueError, match=r"sides|at least"):
        build("linear_prior", good | changes)


def test_scores_are_those_a_sample_was_made_from() -> None:
    prior = gaussian_prior(torch.linspace(-1, 1, 5)[:, None].expand(5, 2))
    prior.modes.copy_(torch.tensor([[0.1, 0, 0, 0], [0, 0.2, 0, 0], [0, 0, 0.3, 0.3]]))
    z = torch.tensor([[1.0, -0.5, 0.25], [0.0, 2.0, -1.0]])
    samples = (prior.mean + z @ prior.modes).view(2, 2, 1, 2)
    torch.testing.assert_close(prior.scores(samples), z)
