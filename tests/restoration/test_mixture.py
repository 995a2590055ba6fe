"""Weights against brute force over the simplex."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from medgan.restoration.mixture import (
    SHRINKAGE,
    admitted_weights,
    error_matrix,
    mixture_weights,
)


def random_matrix(rng, n=4):
    A = rng.normal(size=(n, n + 2)) * rng.uniform(0.5, 2, size=(n, 1))
    A += rng.normal(size=n + 2)  # errors of different fillers are partly alike
    return A @ A.T


def objective(w, matrices, prior):
    n = len(prior)
    G = np.mean([m * n / np.trace(m) for m in matrices], axis=0)
    return w @ G @ w + SHRINKAGE * np.sum((w - prior) ** 2)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_weights_are_the_constrained_minimum(seed):
    rng = np.random.default_rng(seed)
    matrices = [m / np.trace(m) for m in (random_matrix(rng) for _ in range(3))]
    prior = np.array([0, 0, 0, 1.0])
    G = np.mean([m / np.trace(m) for m in matrices], axis=0)
    worst = int(np.argmax(np.diag(G)))  # as the baseline it rules nobody out
    if np.diag(G)[3] == G[worst, worst]:
        return
    w = mixture_weights(matrices, prior, worst)
    assert w.sum() == pytest.approx(1)
    assert (w >= 0).all()
    best = minimize(
        objective,
        np.full(4, 0.25),
        (matrices, prior),
        method="SLSQP",
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda v: v.sum() - 1},
        options={"ftol": 1e-12},
    )
    assert objective(w, matrices, prior) <= best.fun + 1e-6


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50)
def test_never_worse_than_linear_and_losers_get_nothing(seed):
    rng = np.random.default_rng(seed)
    matrices = [random_matrix(rng, 5) for _ in range(2)]
    w = mixture_weights(matrices, np.array([0, 0, 0, 0, 1.0]), 0)
    G = np.mean([m / np.trace(m) for m in matrices], axis=0)
    assert w @ G @ w <= G[0, 0] * (1 + 1e-9)
    assert (w[np.diag(G) > G[0, 0] * (1 + 1e-6)] == 0).all()


def test_no_window_counts_more_for_being_harder():
    rng = np.random.default_rng(0)
    a, b = random_matrix(rng), random_matrix(rng)
    for matrix in (a, b):
        matrix[0, 0] += np.trace(matrix)  # as the baseline it rules nobody out in either window
    prior = np.array([0, 1.0, 0, 0])
    np.testing.assert_allclose(
        mixture_weights([a, b], prior, 0), mixture_weights([1000 * a, b], prior, 0), atol=1e-6
    )


def test_equal_fillers_follow_the_prior():
    same = np.ones((3, 3))
    w = mixture_weights([same], np.array([0, 0, 1.0]), 0)
    np.testing.assert_allclose(w, [0, 0, 1], atol=1e-6)


def test_a_favourite_that_lost_hands_over_to_the_best():
    rng = np.random.default_rng(0)
    truth_error = rng.normal(size=1000)
    errors = np.stack([truth_error, 0.9 * truth_error, 3 * truth_error])
    w = mixture_weights([error_matrix(errors)], np.array([0, 0, 1.0]), 0)
    np.testing.assert_allclose(w, [0, 1, 0], atol=0.02)


def test_independent_errors_are_averaged():
    errors = np.random.default_rng(0).normal(size=(2, 200_000)).astype(np.float32)
    worse = int(np.argmax(np.square(errors).sum(axis=1)))  # as the baseline it rules nobody out
    w = mixture_weights([error_matrix(errors)], np.eye(2)[worse], worse)
    np.testing.assert_allclose(w, 0.5, atol=0.02)


def test_without_any_error_there_are_weights():
    w = mixture_weights([np.zeros((3, 3))], np.array([0, 0, 1.0]), 0)
    np.testing.assert_allclose(w.sum(), 1)


def test_error_matrix_is_the_mean_of_products():
    errors = np.random.default_rng(0).normal(size=(3, 2, 5, 7)).astype(np.float32)
    expected = np.einsum("iabc,jabc->ij", errors, errors) / 70
    np.testing.assert_allclose(error_matrix(errors), expected, rtol=1e-5)


def test_a_filler_that_loses_to_linear_in_what_is_shown_gets_no_weight():
    # One hard window where it wins, one easy window where it loses: worse over all slices.
    matrices = [np.diag([100.0, 110.0]), np.diag([1.0, 0.8])]
    np.testing.assert_allclose(mixture_weights(matrices, np.array([0, 1.0]), 0), [1, 0], atol=1e-6)
    # Ten times as many slices in the window where it wins: better over all slices.
    w = mixture_weights([np.diag([1.0, 1.1]), np.diag([1.0, 0.8])], np.array([0, 1.0]), 0, [1, 10])
    assert w[1] > 0.4


def windows_with(newcomers_errors):
    """Two fillers with errors alike in every window, and a newcomer that errs as told."""
    rng = np.random.default_rng(0)
    fixed = rng.normal(size=(len(newcomers_errors), 2, 400))
    own = rng.normal(size=(len(newcomers_errors), 1, 400))
    scales = np.array(newcomers_errors)[:, None, None]
    return [error_matrix(e) for e in np.concatenate([fixed, scales * own], axis=1)]


PRIOR = np.array([0, 1.0, 0])


def test_a_newcomer_that_is_better_everywhere_is_admitted():
    matrices = windows_with([0.3, 0.4, 0.3, 0.5, 0.4, 0.3])
    w = admitted_weights(matrices, PRIOR, 0, [1] * 6, 2)
    np.testing.assert_array_equal(w, mixture_weights(matrices, PRIOR, 0, [1] * 6))
    assert w[2] > 0.5


def test_a_newcomer_that_shines_in_one_window_only_is_not():
    matrices = windows_with([0.05, 1.3, 1.2, 1.3, 1.4, 1.2])
    w = admitted_weights(matrices, PRIOR, 0, [1] * 6, 2)
    assert w[2] == 0
    two = [m[:2, :2] for m in matrices]
    np.testing.assert_allclose(w[:2], mixture_weights(two, PRIOR[:2], 0, [1] * 6))


@pytest.mark.parametrize("n", [1, 2])
def test_a_newcomer_that_too_few_windows_speak_for_is_not_admitted(n):
    assert admitted_weights(windows_with([0.1] * n), PRIOR, 0, [1] * n, 2)[2] == 0


def test_a_newcomer_that_is_a_copy_gains_nothing():
    two = [m[:2, :2] for m in windows_with([1.0] * 6)]
    copies = [m[np.ix_([0, 1, 1], [0, 1, 1])] for m in two]
    assert admitted_weights(copies, PRIOR, 0, [1] * 6, 2)[2] == 0
