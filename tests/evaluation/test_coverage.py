from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.coverage import Coverage, coverage


def line(*places: float) -> list[np.ndarray]:
    return [np.array(places)[:, None]]


def test_a_set_with_itself() -> None:
    points = line(0, 1, 2, 3)
    # Balls to the nearest neighbour reach 1: ends hold 2 of 4 points, inner ones 3.
    assert coverage(points, points, neighbours=1) == Coverage(1, 1, 10 / 4, 1)


def test_closed_case_by_hand() -> None:
    real, fake = line(0, 1, 10, 12), line(0.5, 0.6, 30)
    # k = 1. Real balls: [-1, 1], [0, 2], [8, 12], [10, 14]; fake balls reach .1, .1 and 29.4.
    # 0.5 and 0.6 lie in two real balls each, 30 in none: precision 2/3, density 4/3; two of four
    # real balls hold a fake: coverage 1/2; 30's ball [0.6, 59.4] holds 1, 10, 12: recall 3/4.
    found = coverage(real, fake, neighbours=1)
    assert found == Coverage(
        precision=pytest.approx(2 / 3),
        recall=pytest.approx(3 / 4),
        density=pytest.approx(4 / 3),
        coverage=pytest.approx(1 / 2),
    )


def test_the_mean_image_is_praised_by_density_and_caught_by_recall(
    rng: np.random.Generator,
) -> None:
    real, fake = [rng.normal(size=(60, 10))], [rng.normal(0, 0.05, (60, 10))]
    found = coverage(real, fake)
    assert found.precision == 1
    assert found.density > 1
    assert found.recall == 0


def test_expected_coverage_of_one_distribution(rng: np.random.Generator) -> None:
    # Naeem et al. 2020, lemma 2: 1 - 1/2^k for equal and large numbers.
    found = coverage([rng.normal(size=(800, 8))], [rng.normal(size=(800, 8))], neighbours=3)
    assert abs(found.coverage - (1 - 1 / 2**3)) < 0.03
    assert abs(found.density - 1) < 0.1


def test_small_sets_use_fewer_neighbours() -> None:
    found = coverage(line(0, 1, 2), line(0, 1, 2), neighbours=5)
    assert found.precision == 1
