from __future__ import annotations

import numpy as np

from medgan.evaluation.jackknife import standard_error, subsets


def test_subsets_have_no_repeats_and_the_right_size(rng: np.random.Generator) -> None:
    kept = subsets(60, rng)
    assert (kept.sum(axis=1) == 48).all()
    assert kept.mean(axis=0).min() > 0.7
    assert kept.mean(axis=0).max() < 0.9


def test_standard_error_of_a_mean_is_the_textbook_one(rng: np.random.Generator) -> None:
    values = rng.normal(size=80)
    kept = subsets(80, rng, rounds=5000)
    means = (kept * values).sum(axis=1) / kept.sum(axis=1)
    expected = values.std(ddof=1) / np.sqrt(80)
    assert abs(standard_error(means, 80) / expected - 1) < 0.05
