"""Figures of planes against closed forms: white noise, a sine, a moved blob, a ghost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from medgan.restoration.slice_statistics import (
    Slice,
    amplitudes,
    bright_in_both,
    displacement,
    gain,
    ghost,
    halvings,
    lost,
    stripes,
    translation,
)

SHAPE = (40, 52)


def blobs(dx: float = 0.0, dy: float = 0.0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    """Three Gaussians about 0..1, moved (dx, dy) pixels: sampled, not interpolated."""
    y, x = np.indices(shape, dtype=float)
    places = ((12, 14, 1.0), (28, 30, 0.7), (20, 42, 0.5))
    scale = shape[0] / SHAPE[0]
    plane = sum(
        level * np.exp(-((x - cx * scale - dx) ** 2 + (y - cy * scale - dy) ** 2) / (32 * scale**2))
        for cy, cx, level in places
    )
    return np.asarray(plane, np.float32)


@settings(deadline=None, max_examples=10)
@given(st.floats(0.01, 0.3), st.integers(0, 99))
def test_the_noise_of_white_noise_is_its_sd(level: float, seed: int) -> None:
    plane = np.random.default_rng(seed).normal(0, level, (120, 120)).astype(np.float32)
    assert Slice(plane).noise == pytest.approx(level, rel=0.05)


def test_flat_parts_do_not_hide_noise() -> None:
    plane = np.zeros((120, 120), np.float32)
    plane[40:80, 40:80] = np.random.default_rng(0).normal(0.5, 0.1, (40, 40))
    assert Slice(plane).noise == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize("plane", [np.zeros(SHAPE), np.full(SHAPE, 0.7)])
def test_a_constant_plane_has_no_detail(plane: np.ndarray) -> None:
    flat = Slice(plane.astype(np.float32))
    assert (flat.noise, flat.sharpness) == (0.0, 0.0)


def test_blur_takes_sharpness() -> None:
    plane = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    assert Slice(gaussian_filter(plane, 1)).sharpness < 0.3 * Slice(plane).sharpness


def test_the_saturated_share_is_counted_and_black_does_not_count() -> None:
    plane = blobs()
    level = np.quantile(plane, 0.9)
    assert Slice(np.minimum(plane, np.float32(level))).saturated == pytest.approx(0.1, abs=0.01)
    assert Slice(np.zeros(SHAPE, np.float32)).saturated == 0


@settings(deadline=None, max_examples=10)
@given(st.floats(0.01, 1), st.integers(3, 12), st.floats(0, 6))
def test_the_amplitude_of_a_sine_is_its_own(level: float, waves: int, phase: float) -> None:
    along = level * np.sin(2 * np.pi * waves * np.arange(SHAPE[0]) / SHAPE[0] + phase)
    plane = np.repeat(along[:, None], SHAPE[1], axis=1).astype(np.float32)
    assert amplitudes(plane).max() == pytest.approx(level, rel=0.05)


def test_stripes_stand_out_and_anatomy_does_not() -> None:
    before, here, after = (blobs(dx) for dx in (-1, 0, 1))
    wave = 0.1 * np.sin(2 * np.pi * np.arange(SHAPE[1]) / 4)[None].astype(np.float32)

    def figure(plane: np.ndarray) -> float:
        return stripes(Slice(plane), Slice(before), Slice(after), plane - (before + after) / 2)

    assert figure(here + wave) > 10 * max(figure(here), 0.01)


@settings(deadline=None, max_examples=20)
@given(st.floats(-3, 3), st.floats(-3, 3))
def test_a_translation_is_recovered(dx: float, dy: float) -> None:
    found = translation(Slice(blobs(dx, dy)).smooth, Slice(blobs()).smooth)
    np.testing.assert_allclose(found, (dx, dy), atol=0.15)


@settings(deadline=None, max_examples=10)
@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5))
def test_steady_drift_is_no_displacement(dx: float, dy: float) -> None:
    before, here, after = (Slice(blobs(k * dx, k * dy)) for k in (-1, 0, 1))
    assert displacement(here, before, after, 0.5) < 0.05


def test_displacement_is_in_pixels_of_the_plane_itself() -> None:
    large = (400, 520)
    before, after = Slice(blobs(shape=large)), Slice(blobs(shape=large))
    here = Slice(blobs(6.0, 0.0, large))
    assert halvings(large) == 2
    still = displacement(here, before, after, 0.5)
    small = displacement(Slice(blobs(1.5)), Slice(blobs()), Slice(blobs()), 0.5)
    assert still == pytest.approx(4 * small, rel=0.3)


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.0, 1.4])
def test_the_gain_of_a_scaled_plane_is_its_factor(factor: float) -> None:
    plane = blobs()
    signal = bright_in_both(plane, plane)
    assert gain(np.float32(factor) * plane, plane, signal) == pytest.approx(
        np.log(factor), abs=1e-4
    )


def test_the_lost_share_is_that_of_the_bright_area() -> None:
    plane = np.full((60, 60), 0.8, np.float32)
    half = plane.copy()
    half[:30] = 0
    signal = bright_in_both(plane, plane)
    assert lost(half, plane, signal) == pytest.approx(0.5, abs=0.05)
    assert lost(plane, plane, signal) == 0


def test_without_signal_neither_gain_nor_loss_is_told() -> None:
    dark, light = np.zeros(SHAPE, np.float32), blobs()
    signal = bright_in_both(dark, light)
    assert (gain(dark, light, signal), lost(dark, light, signal)) == (0.0, 0.0)


@pytest.mark.parametrize("axis", [0, 1])
def test_a_nyquist_ghost_is_found_with_its_amplitude(axis: int) -> None:
    plane = blobs()
    residual = np.float32(0.2) * np.roll(plane, SHAPE[axis] // 2, axis)
    assert ghost(residual, plane) == pytest.approx(0.2, rel=0.1)
    assert ghost(np.zeros_like(plane), plane) == 0
