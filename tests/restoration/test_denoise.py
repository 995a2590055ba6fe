"""A scan is denoised where that is expected to help it, and left alone where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from medgan.evaluation.fidelity import psnr
from medgan.models import Model, ModelInfo
from medgan.networks.denoise_net import DenoiseNet
from medgan.restoration import denoise, load_denoisers, net_denoiser
from medgan.restoration.denoise import denoise_planes
from medgan.restoration.denoisers import TotalVariation, Unchanged
from medgan.restoration.net_denoiser import ACROSS, NetDenoiser
from tests.restoration.phantom import make_stack


@dataclass(frozen=True)
class Ruin:
    """What no scan should be given."""

    name: str = "ruin"

    def __call__(self, planes, sigma):
        return np.asarray(gaussian_filter(planes, 6), np.float32)


def phantom(sigma, seed=0):
    truth = np.asarray(make_stack([True] * 12, (40, 44)).planes)
    noise = np.random.default_rng(seed).standard_normal(truth.shape)
    return truth, (truth + sigma * noise).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.03, 0.1])
def test_the_gain_that_is_expected_comes(sigma):
    truth, noisy = phantom(sigma)
    made = denoise_planes(noisy, None, load_denoisers("none"))
    gain = psnr(made.planes, truth, 1.0) - psnr(noisy, truth, 1.0)
    assert gain > 3
    # Shares of the noise that are left: what Stein's estimate is unbiased for, to a few per cent.
    assert 10 ** (-made.gain_db / 10) == pytest.approx(10 ** (-gain / 10), abs=0.06)
    assert made.sigma == pytest.approx(sigma, rel=0.1)
    mixture, *singles = made.candidates
    assert mixture.name == "mixture"
    assert mixture.psnr_db >= max(c.psnr_db for c in singles) - 0.05
    assert sum(c.weight for c in singles) == pytest.approx(1)
    assert {c.task for c in made.candidates} == {"noise"}


def test_what_does_harm_gets_no_weight_even_as_the_favourite():
    _, noisy = phantom(0.05)
    made = denoise_planes(noisy, None, (Unchanged(), TotalVariation(), Ruin()))
    weights = {c.name: c.weight for c in made.candidates}
    assert weights["ruin"] == 0
    assert weights["tv"] > 0.8


def test_a_scan_that_nothing_helps_comes_back_as_it_is():
    _, noisy = phantom(0.05)
    made = denoise_planes(noisy, None, (Unchanged(), Ruin()))
    assert made.planes is noisy
    assert made.gain_db == 0
    assert {c.name: c.weight for c in made.candidates}["input"] == 1


def test_a_scan_without_noise_is_not_touched():
    planes = np.tile(np.linspace(0, 1, 40, dtype=np.float32), (6, 40, 1))
    made = denoise_planes(planes, None, load_denoisers("none"))
    assert made.planes is planes
    assert made.candidates == ()


def networks():
    torch.manual_seed(0)
    network = DenoiseNet((8, 8, 8))
    torch.nn.init.normal_(network.last.weight, std=1e-3)
    info = ModelInfo(name="tiny", kind="denoiser", architecture="denoise_net", settings={})
    model = Model(info, network.eval().requires_grad_(False))
    return NetDenoiser(model, axes=ACROSS), NetDenoiser(model)


def test_a_network_looks_across_the_slices_only_where_they_are_as_near_as_voxels():
    _, noisy = phantom(0.05)
    offered = (*load_denoisers("none"), *networks())
    for spacing, is_asked in (((1.0, 1.0, 1.0), True), ((4.0, 1.0, 1.0), False), (None, False)):
        made = denoise_planes(noisy, None, offered, spacing)
        assert ("tiny-across" in {c.name for c in made.candidates}) == is_asked
        assert "tiny" in {c.name for c in made.candidates}


def test_a_scan_is_judged_by_the_views_it_is_denoised_with(monkeypatch):
    """A block of a large scan could afford more: the estimate would be of another function."""
    _, noisy = phantom(0.05)
    asked = []
    run = NetDenoiser._average

    def note(self, slices, n_views):
        asked.append(n_views)
        return run(self, slices, n_views)

    monkeypatch.setattr(NetDenoiser, "_average", note)
    monkeypatch.setattr(denoise, "TRIAL_SIDE", 16)
    monkeypatch.setattr(net_denoiser, "SMALL_SCAN", noisy.size // 2)
    monkeypatch.setattr(net_denoiser, "LARGE_SCAN", 2 * noisy.size)
    denoise_planes(noisy, None, (Unchanged(), *networks()), (1.0, 1.0, 1.0))
    assert set(asked) == {2}


def test_a_block_that_is_the_whole_scan_is_denoised_once(monkeypatch):
    """What was judged is what is mixed: by parts or as one, the same comes out."""
    _, noisy = phantom(0.05)
    offered = load_denoisers("none")
    at_once = denoise_planes(noisy, None, offered)
    with monkeypatch.context() as patched:
        patched.setattr(denoise, "_all_of", lambda *_: pytest.fail("done again"))
        again = denoise_planes(noisy, None, offered)
    weights = [next(c.weight for c in at_once.candidates if c.name == d.name) for d in offered]
    mixed = sum(w * d(noisy, at_once.sigma) for w, d in zip(weights, offered, strict=True))
    assert np.array_equal(at_once.planes, again.planes)
    np.testing.assert_allclose(at_once.planes, mixed, atol=1e-5)
