from __future__ import annotations

import numpy as np

from medgan.evaluation.kid import kid


def naive_kid(x: np.ndarray, y: np.ndarray) -> float:
    """Gretton et al. 2012, eq. 3, as a double loop."""

    def kernel(a: np.ndarray, b: np.ndarray) -> float:
        return (sum(p * q for p, q in zip(a, b, strict=True)) / len(a) + 1) ** 3

    n, m = len(x), len(y)
    xx = sum(kernel(x[i], x[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
    yy = sum(kernel(y[i], y[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    xy = sum(kernel(x[i], y[j]) for i in range(n) for j in range(m)) / (n * m)
    return 1000 * (xx + yy - 2 * xy)


def test_equals_the_double_loop_over_all_networks(rng: np.random.Generator) -> None:
    x = [rng.normal(size=(7, d)) for d in (4, 9)]
    y = [rng.normal(0.5, 1.5, (11, d)) for d in (4, 9)]
    expected = np.mean([naive_kid(a, b) for a, b in zip(x, y, strict=True)])
    np.testing.assert_allclose(kid(x, y, rng).value, expected, rtol=1e-10)


def test_no_bias_and_an_honest_error_for_equal_distributions(rng: np.random.Generator) -> None:
    estimates = [
        kid([rng.normal(size=(60, 20))], [rng.normal(size=(100, 20))], rng) for _ in range(60)
    ]
    values = np.array([estimate.value for estimate in estimates])
    spread = values.std(ddof=1)
    assert abs(values.mean()) < 3 * spread / np.sqrt(60)
    # Where the two are equal the statistic is degenerate and its variance falls as 1 / n^2: the
    # jackknife then errs upwards by sqrt((1 + f) / f) = 1.5.
    assert 1.2 < np.mean([estimate.se for estimate in estimates]) / spread < 1.9


def test_the_error_is_right_where_the_two_differ(rng: np.random.Generator) -> None:
    estimates = [
        kid([rng.normal(size=(60, 20))], [rng.normal(0.8, 1, (100, 20))], rng) for _ in range(80)
    ]
    spread = np.std([estimate.value for estimate in estimates], ddof=1)
    assert 0.75 < np.mean([estimate.se for estimate in estimates]) / spread < 1.3


def test_a_shift_is_seen(rng: np.random.Generator) -> None:
    far = kid([rng.normal(size=(60, 20))], [rng.normal(0.5, 1, (60, 20))], rng)
    assert far.value > 5 * far.se
