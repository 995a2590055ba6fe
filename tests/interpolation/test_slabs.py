"""Averages and projections against plain means, normal equations, and closed forms."""

import numpy as np
import pytest

from medgan.interpolation.slabs import Slabs


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_box_is_the_plain_mean(factor):
    thin = np.random.default_rng(0).normal(size=(5 * factor, 4, 3)).astype(np.float32)
    expected = thin.reshape(5, factor, 4, 3).mean(axis=1)
    np.testing.assert_allclose(Slabs.of(5, factor).averaged(thin), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("factor", "profile"), [(2, ()), (3, ()), (4, ()), (2, (1, 2, 2, 1)), (3, (1,)), (4, (1, 1))]
)
def test_the_projection_is_exact_and_the_nearest(factor, profile):
    slabs = Slabs.of(6, factor, profile)
    rng = np.random.default_rng(1)
    thin, thick = (rng.normal(size=(n, 5, 4)).astype(np.float32) for n in (6 * factor, 6))
    made = slabs.projected(thin, thick)
    np.testing.assert_allclose(slabs.averaged(made), thick, atol=2e-6)
    matrix = slabs.average.toarray()
    nearest = np.linalg.pinv(matrix) @ (thick.reshape(6, -1) - matrix @ thin.reshape(len(thin), -1))
    np.testing.assert_allclose(made, thin + nearest.reshape(thin.shape), atol=1e-5)
    assert np.abs(slabs.averaged(slabs.made_consistent(thin, thick)) - thick).max() < 2e-6


def test_the_box_projection_adds_the_repeated_residual():
    slabs = Slabs.of(4, 3)
    thin = np.random.default_rng(2).normal(size=(12, 2, 2)).astype(np.float32)
    thick = np.zeros((4, 2, 2), np.float32)
    expected = thin - np.repeat(thin.reshape(4, 3, 2, 2).mean(axis=1), 3, axis=0)
    np.testing.assert_allclose(slabs.projected(thin, thick), expected, atol=1e-6)


def test_thin_slices_lie_evenly_within_the_thick_ones():
    np.testing.assert_allclose(Slabs.of(2, 2).centres, [-0.25, 0.25, 0.75, 1.25])
    np.testing.assert_allclose(Slabs.of(2, 3).centres, [-1 / 3, 0, 1 / 3, 2 / 3, 1, 4 / 3])


def test_back_projection_recovers_a_ramp():
    slabs = Slabs.of(8, 4)
    ramp = np.arange(32, dtype=np.float32)[:, None, None] * np.ones((1, 3, 3), np.float32)
    thick = slabs.averaged(ramp)
    made = slabs.made_consistent(np.zeros_like(ramp), thick)
    np.testing.assert_allclose(made[12:-12], ramp[12:-12], atol=0.05)


@pytest.mark.parametrize("profile", [(1, 1, 1), (1, -1), (0, 0)])
def test_what_is_no_profile_is_refused(profile):
    with pytest.raises(ValueError, match="profile"):
        Slabs.of(4, 2, profile)


@pytest.mark.parametrize(
    ("factor", "profile", "expected"),
    [
        (3, (), True),
        (3, (2, 2, 2), True),
        (3, (1, 2, 1), False),
        (4, (1, 1), False),
        (2, (1, 1, 1, 1), False),
        (3, (0, 1, 0), False),
    ],
)
def test_a_box_as_wide_as_the_step_is_known(factor, profile, expected):
    assert Slabs.of(5, factor, profile).is_box == expected
