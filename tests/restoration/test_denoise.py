"""A scan is denoised where that is expected to help it, and left alone where it is not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medgan.evaluation.fidelity import psnr
from medgan.restoration import load_denoisers
from medgan.restoration.denoise import denoise_planes
from medgan.restoration.denoisers import TotalVariation, Unchanged
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
