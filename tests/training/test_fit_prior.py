"""Principal modes and quantiles against numpy; what a full-rank prior stores."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.training.fit_prior import fit_prior, principal_modes


def some_samples(n: int = 12, shape: tuple[int, ...] = (2, 3, 4)) -> torch.Tensor:
    rng = np.random.default_rng(0)
    return torch.from_numpy(np.tanh(0.3 * rng.normal(size=(n, *shape)))).float()


def test_all_modes_together_are_the_sample_covariance() -> None:
    samples = some_samples()
    prior = fit_prior(samples)
    flat = samples.flatten(1).double().numpy()
    assert prior.latent == len(samples) - 1
    np.testing.assert_allclose(prior.mean.numpy(), flat.mean(axis=0), atol=1e-6)
    found = (prior.modes.T @ prior.modes).numpy()
    np.testing.assert_allclose(found, np.cov(flat.T), atol=1e-6)
    np.testing.assert_allclose(prior.spread.numpy(), flat[:, :12].std(axis=0, ddof=1), rtol=1e-5)


def test_few_modes_are_the_best_that_few_can_be() -> None:
    flat = some_samples(30).flatten(1)
    centred = (flat - flat.mean(dim=0)).double()
    modes = principal_modes(centred, 5).double()
    singular = np.linalg.svd(centred.numpy(), compute_uv=False)
    np.testing.assert_allclose(modes.norm(dim=1).numpy(), singular[:5] / np.sqrt(29), rtol=1e-5)
    axes = modes / modes.norm(dim=1, keepdim=True)
    left = centred - centred @ axes.T @ axes
    assert float(left.square().sum()) == pytest.approx(float((singular[5:] ** 2).sum()), rel=1e-5)


def test_a_full_rank_prior_stores_every_training_sample() -> None:
    samples = some_samples()
    flat = samples.flatten(1).double()
    for n_modes, is_stored in ((None, True), (5, False)):
        prior = fit_prior(samples, n_modes)
        offsets = flat - prior.mean.double()
        z = torch.linalg.lstsq(prior.modes.T.double(), offsets.T).solution
        error = (offsets - z.T @ prior.modes.double()).abs().max()
        assert (error < 1e-5) == is_stored
    # And an unseen one it does not hold.
    unseen = some_samples(13)[12].flatten().double() - fit_prior(samples).mean.double()
    modes = fit_prior(samples).modes.double()
    z = torch.linalg.lstsq(modes.T, unseen[:, None]).solution
    assert (unseen - (z.T @ modes)[0]).abs().max() > 0.05


@pytest.mark.parametrize("n_quantiles", [5, 12, 256])
def test_quantiles_are_those_of_numpy(n_quantiles: int) -> None:
    samples = some_samples()
    prior = fit_prior(samples, n_quantiles=n_quantiles)
    image = samples[:, 0].flatten(1).numpy()
    levels = np.linspace(0, 1, min(n_quantiles, 12))
    expected = np.quantile(image, levels, axis=0)
    np.testing.assert_allclose(prior.quantiles.numpy(), expected, atol=1e-6)


def test_the_same_samples_give_the_same_prior_and_more_modes_than_there_are_do_not_exist() -> None:
    samples = some_samples()
    one, two = fit_prior(samples).state_dict(), fit_prior(samples.clone(), 99).state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_voxel_that_never_varies_stays_what_it_is() -> None:
    samples = some_samples()
    samples[:, 0, 1, 1] = 0.25
    prior = fit_prior(samples)
    made = prior(torch.randn(50, prior.latent))
    torch.testing.assert_close(made[:, 0, 1, 1], torch.full((50,), 0.25))
