"""The noise level of phantoms whose noise is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medgan.restoration.noise_level import noise_level
from tests.restoration.phantom import make_stack


def smooth(shape=(12, 60, 64)):
    return make_stack([True] * shape[0], shape[1:]).planes


def noisy(sigma, seed=0):
    planes = np.asarray(smooth())
    noise = np.random.default_rng(seed).standard_normal(planes.shape)
    return (planes + sigma * noise).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.01, 0.03, 0.1])
def test_white_noise_is_measured_on_top_of_anatomy(sigma):
    assert noise_level(noisy(sigma)) == pytest.approx(np.hypot(sigma, 4 / 1500), rel=0.05)


@settings(max_examples=15, deadline=None)
@given(gain=st.floats(0.1, 50), offset=st.floats(-100, 100))
def test_the_level_scales_with_the_scan_and_ignores_what_is_linear(gain, offset):
    planes = noisy(0.05)
    ramp = offset + 0.01 * np.arange(planes.shape[2], dtype=np.float32)
    moved = noise_level((gain * planes + gain * ramp).astype(np.float32))
    assert moved == pytest.approx(gain * noise_level(planes), rel=0.02)


def test_constant_surroundings_and_what_is_outside_do_not_count():
    planes = noisy(0.05)
    framed = np.zeros((12, 120, 128), np.float32)
    framed[:, 30:90, 32:96] = planes
    inside = np.zeros(framed.shape, bool)
    inside[:, 30:90, 32:96] = True
    assert noise_level(framed) == pytest.approx(0.05, rel=0.1)
    assert noise_level(framed, inside) == pytest.approx(noise_level(planes), rel=1e-6)


def test_correlated_noise_is_underestimated_and_never_over():
    from scipy.ndimage import gaussian_filter

    white = np.random.default_rng(0).standard_normal((12, 60, 64))
    blurred = gaussian_filter(white, (0, 0.7, 0.7))
    planes = (0.05 * blurred / blurred.std()).astype(np.float32)
    assert noise_level(planes) < 0.04


def test_two_slices_and_nothing_at_all():
    assert noise_level(noisy(0.05)[:2]) == pytest.approx(0.05, rel=0.1)
    assert noise_level(np.ones((3, 8, 8), np.float32)) == 0
