"""Simulated noise has the moments that its paper gives it."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.noise import Noise, NoiseSettings, apply, draw

SHAPE = (4, 200, 200)


def noisy(noise: Noise, signal: float, seed: int = 0) -> np.ndarray:
    planes = np.full(SHAPE, signal, np.float32)
    return apply(noise, planes, np.random.default_rng(seed)).astype(np.float64)


def test_gaussian_noise_has_the_level_it_was_given() -> None:
    values = noisy(Noise(0.07), 0.4)
    assert values.mean() == pytest.approx(0.4, abs=1e-3)
    assert values.std() == pytest.approx(0.07, rel=0.01)


def test_rician_noise_in_air_is_rayleigh() -> None:
    """Gudbjartsson and Patz 1995, eq. 3: mean s sqrt(pi/2), variance (2 - pi/2) s^2."""
    values = noisy(Noise(0.1, "rician"), 0.0)
    assert values.mean() == pytest.approx(0.1 * np.sqrt(np.pi / 2), rel=0.01)
    assert values.var() == pytest.approx((2 - np.pi / 2) * 0.01, rel=0.02)


@pytest.mark.parametrize("signal", [0.0, 0.05, 0.3, 1.0])
def test_the_second_moment_of_rician_noise_is_exact_at_every_signal(signal: float) -> None:
    values = noisy(Noise(0.1, "rician"), signal)
    assert np.square(values).mean() == pytest.approx(signal**2 + 2 * 0.1**2, rel=0.01)


def test_the_zero_of_a_magnitude_image_may_lie_below_its_lowest_value() -> None:
    shifted = noisy(Noise(0.1, "rician", zero=-0.5), 0.0)
    assert np.array_equal(shifted, (noisy(Noise(0.1, "rician"), 0.5) - 0.5).astype(np.float32))


@pytest.mark.parametrize("width", [0.3, 0.6, 0.9])
def test_correlated_noise_keeps_its_level(width: float) -> None:
    values = noisy(Noise(0.1, correlation_px=width), 0.0)
    assert values.std() == pytest.approx(0.1, rel=0.02)
    along = (values[..., 1:] * values[..., :-1]).mean() / values.var()
    through = (values[1:] * values[:-1]).mean() / values.var()
    assert along > 0.005
    assert abs(through) < 0.02


def test_uneven_noise_grows_towards_a_corner() -> None:
    values = noisy(Noise(0.1, slopes=(0.3, 0.2)), 0.0)
    last, first = values[:, -40:, -40:].std(), values[:, :40, :40].std()
    # exp(0.8 * 0.5) over exp(-0.8 * 0.5), about: the windows reach in by a fifth.
    assert last / first == pytest.approx(np.exp(0.8), rel=0.05)


def test_the_same_stream_draws_the_same_noise_within_its_ranges() -> None:
    settings = NoiseSettings(level=(0.02, 0.04), rician_share=1.0)
    draws = [draw(settings, np.random.default_rng(seed)) for seed in range(50)]
    assert draws == [draw(settings, np.random.default_rng(seed)) for seed in range(50)]
    assert all(0.02 <= one.sigma <= 0.04 and one.kind == "rician" for one in draws)
    assert {one.correlation_px > 0 for one in draws} == {True, False}
