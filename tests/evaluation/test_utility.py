from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.utility import mean_with_error, measure_utility
from tests.evaluation.ellipsoids import ellipsoids


def test_shuffled_labels_teach_less_than_fitting_ones() -> None:
    train, test, fake = (ellipsoids(n, s, (24, 24)) for n, s in ((24, 1), (20, 2), (24, 3)))
    assert fake.labels is not None
    wrong = ImageSet(fake.images, 2 - fake.labels)
    found = measure_utility(train, test, wrong, (1, 2), seed=0, steps=60)
    assert found.real.value > 0.6
    assert found.synthetic.value < found.real.value - 0.3


def test_mean_and_error() -> None:
    found = mean_with_error(np.array([1.0, 2.0, 3.0, 4.0]))
    assert found.value == 2.5
    assert found.se == pytest.approx(np.sqrt(5 / 3) / 2)
    assert mean_with_error(np.array([1.0])).se == 0
