from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from medgan.evaluation.two_sample import _auc, two_sample_auc


def test_one_distribution_cannot_be_told_apart(rng: np.random.Generator) -> None:
    areas = [
        two_sample_auc(*([rng.normal(size=(n, 30))] for n in (100, 60, 100)), rng).value
        for _ in range(30)
    ]
    assert abs(np.mean(areas) - 0.5) < 0.03


def test_a_shift_is_told_as_well_as_theory_says(rng: np.random.Generator) -> None:
    # One feature shifted by 1 sd: the best rule has AUC Phi(1 / sqrt(2)) = 0.760.
    train, test, fake = (rng.normal(size=(600, 3)) for _ in range(3))
    fake[:, 1] += 1
    found = two_sample_auc([train], [test], [fake], rng)
    assert found.value == pytest.approx(0.760, abs=0.03)
    assert 0.005 < found.se < 0.03


def test_copies_of_training_images_fall_below_one_half(rng: np.random.Generator) -> None:
    train, test = rng.normal(size=(60, 200)), rng.normal(size=(60, 200))
    assert two_sample_auc([train], [test], [train], rng).value < 0.2


def test_area_equals_mann_whitney_with_ties(rng: np.random.Generator) -> None:
    negative, positive = rng.integers(0, 5, 30).astype(float), rng.integers(1, 7, 20).astype(float)
    expected = mannwhitneyu(positive, negative).statistic / (30 * 20)
    assert _auc(negative, positive) == pytest.approx(expected)


def test_features_that_never_vary_tell_nothing(rng: np.random.Generator) -> None:
    train, test, fake = (np.zeros((12, 0)) for _ in range(3))
    assert two_sample_auc([train], [test], [fake], rng).value == 0.5
