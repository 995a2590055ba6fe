"""Errors that are estimated without the truth, against the truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

from medgan.restoration.denoisers import TotalVariation, Unchanged, Wavelet
from medgan.restoration.stein import risk_matrix
from tests.restoration.phantom import make_stack

SIGMA = 0.08


@dataclass(frozen=True)
class Box:
    """Mean over a cube: linear, so that its divergence and its error have a closed form."""

    side: int
    name: str = "box"

    def __call__(self, planes, sigma):
        return uniform_filter(planes, self.side, mode="wrap")


def phantom():
    truth = np.asarray(make_stack([True] * 16, (48, 48)).planes)
    noise = np.random.default_rng(0).standard_normal(truth.shape)
    return truth, (truth + SIGMA * noise).astype(np.float32)


def test_the_errors_of_linear_filters_are_those_of_the_closed_form():
    """E (f y - x)(g y - x) = bias_f bias_g + s^2 tr(f g') / N."""
    truth, noisy = phantom()
    risks, made = risk_matrix(noisy, [Unchanged(), Box(3)], SIGMA)
    bias = np.mean((uniform_filter(truth, 3, mode="wrap") - truth) ** 2)
    n = 27
    assert risks[0, 0] == pytest.approx(SIGMA**2, rel=1e-3)
    assert risks[1, 1] == pytest.approx(bias + SIGMA**2 / n, rel=0.1)
    assert risks[0, 1] == pytest.approx(SIGMA**2 / n, abs=0.03 * SIGMA**2)
    assert np.array_equal(made[0], noisy)


def test_the_errors_of_filters_that_are_not_linear_are_those_that_can_be_measured():
    truth, noisy = phantom()
    denoisers = [Unchanged(), TotalVariation(0.4), Wavelet(1.0, n_shifts=0)]
    risks, made = risk_matrix(noisy, denoisers, SIGMA)
    errors = np.stack(made) - truth
    true = np.array([[np.mean(a * b) for a in errors] for b in errors])
    np.testing.assert_allclose(risks, true, atol=0.05 * SIGMA**2)


def test_an_estimate_is_one_that_errors_can_have():
    _, noisy = phantom()
    risks, _ = risk_matrix(noisy[:3, :9, :9], [Unchanged(), Box(3), Box(5)], SIGMA)
    assert np.linalg.eigvalsh(risks).min() > -1e-12
