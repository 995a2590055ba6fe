"""Weights against brute force over the simplex."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from medgan.restoration.mixture import SHRINKAGE, error_matrix, mixture_weights


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
