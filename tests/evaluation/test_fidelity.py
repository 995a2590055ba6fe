"""Figures against scikit-image and closed forms."""

import math

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from medgan.evaluation import fidelity


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    truth = rng.random((3, 40, 30)) * 700
    return (truth + rng.normal(0, 60, truth.shape)).astype(np.float32), truth.astype(np.float32)


def test_psnr_is_the_one_of_skimage(pair):
    estimate, truth = pair
    expected = peak_signal_noise_ratio(truth, estimate, data_range=650)
    assert fidelity.psnr(estimate, truth, 650) == pytest.approx(expected)


def test_psnr_without_error_is_infinite(pair):
    assert math.isinf(fidelity.psnr(pair[1], pair[1], 650))


def test_ssim_is_the_one_of_skimage(pair):
    for estimate, truth in zip(*pair, strict=True):
        expected = structural_similarity(
            truth.astype(float), estimate.astype(float), data_range=650, win_size=7
        )
        assert fidelity.ssim(estimate, truth, 650) == pytest.approx(expected, abs=1e-9)


def test_ssim_of_slices_is_their_mean(pair):
    singles = [fidelity.ssim(e, t, 650) for e, t in zip(*pair, strict=True)]
    assert fidelity.ssim_slices(*pair, 650) == pytest.approx(np.mean(singles))


def test_ssim_of_a_plane_smaller_than_its_window_is_nothing():
    plane = np.ones((6, 30), np.float32)
    assert math.isnan(fidelity.ssim(plane, plane, 1.0))


def test_mae_and_shift_are_in_the_unit_of_the_values():
    truth = np.full((2, 8, 8), 40, np.float32)
    estimate = truth + np.array([-3, 5], np.float32)[:, None, None]
    assert fidelity.mae(estimate, truth) == pytest.approx(4)
    assert fidelity.mean_shift(estimate, truth) == pytest.approx(1)


def test_sharpness_falls_with_contrast_squared(pair):
    truth = pair[1]
    assert fidelity.sharpness(truth, truth) == pytest.approx(1)
    assert fidelity.sharpness(truth / 2, truth) == pytest.approx(0.25)
    assert math.isnan(fidelity.sharpness(truth, np.zeros_like(truth)))


def test_flicker_of_linear_interpolation_is_none(pair):
    before, true, after = pair[1]
    assert fidelity.flicker(true, true, before, after) == pytest.approx(1)
    assert fidelity.flicker((before + after) / 2, true, before, after) == pytest.approx(0, abs=1e-9)
    assert math.isnan(fidelity.flicker(true, before, before, before))
