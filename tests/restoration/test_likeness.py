"""Two planes set side by side, held against closed forms."""

import math

import numpy as np
import pytest

from medgan.restoration.likeness import Likeness, decibels, mean_ssim


def test_a_constant_difference_has_a_known_error():
    plane = np.random.default_rng(0).random((20, 24), np.float32)
    found = Likeness.of(plane, plane + np.float32(0.1))
    assert found.mse == pytest.approx(0.01, rel=1e-4)
    assert 0.5 < found.ssim < 1
    assert Likeness.of(plane, plane) == Likeness(0.0, pytest.approx(1.0))


def test_decibels():
    assert decibels(0.01) == pytest.approx(20)
    assert decibels(0.0) == 100


def test_planes_smaller_than_a_window_do_not_count():
    assert mean_ssim([Likeness(0, 0.5), Likeness(0, math.nan), Likeness(0, 0.7)]) == pytest.approx(
        0.6
    )
    assert mean_ssim([Likeness(0, math.nan)]) == 0
