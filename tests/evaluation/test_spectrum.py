from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from medgan.evaluation.spectrum import kurtosis_gap, radial_power, spectral_distance_db


def test_a_wave_lies_in_its_ring() -> None:
    # 6 cycles over 48 voxels: 1/8 per voxel, ring 6 of 24 (the first is left out).
    wave = np.cos(2 * np.pi * np.arange(48) / 8)[:, None] * np.ones((1, 48))
    power = radial_power(wave[None].astype(np.float32))
    assert len(power) == 24
    assert int(power.argmax()) == 5


def test_white_noise_is_flat_and_ten_times_the_power_is_ten_decibels(
    rng: np.random.Generator,
) -> None:
    noise = rng.standard_normal((40, 24, 24, 24)).astype(np.float32)
    power = radial_power(noise)
    assert power[2:].max() / power[2:].min() < 1.3
    assert spectral_distance_db(noise * np.float32(np.sqrt(10)), noise) == pytest.approx(10, 1e-4)


def test_blur_is_the_transfer_function_of_the_filter(rng: np.random.Generator) -> None:
    noise = rng.standard_normal((30, 64, 64)).astype(np.float32)
    blurred = np.stack([gaussian_filter(image, 0.7, mode="wrap") for image in noise])
    ring = np.arange(1, 33) / 64
    expected = -20 * np.log10(np.exp(1)) * (2 * np.pi * ring * 0.7) ** 2 / 2
    assert spectral_distance_db(blurred, noise) == pytest.approx(
        np.sqrt(np.mean(expected**2)), rel=0.1
    )


def test_kurtosis_tells_grain_of_equal_power_apart(rng: np.random.Generator) -> None:
    normal = rng.normal(0, 1, (40, 32, 32)).astype(np.float32)
    peaked = rng.laplace(0, np.sqrt(0.5), (40, 32, 32)).astype(np.float32)
    assert spectral_distance_db(peaked, normal) < 0.5
    assert kurtosis_gap(normal[:20], normal[20:]) < 0.05
    # Excess kurtosis 3 of a Laplace variable becomes 1.5 in a difference of two: log(4.5 / 3).
    assert 0.25 < kurtosis_gap(peaked, normal) < 0.6
    assert kurtosis_gap(np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.float32)) == 0
