"""Copies planted among honest images: how many are found, and how many honest ones are taken."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.copy_alarm import CopyAlarm
from medgan.evaluation.image_set import ImageSet, join
from tests.evaluation.ellipsoids import ellipsoids
from tests.evaluation.test_copies import altered

SHAPE = (40, 40)
TRAIN = ellipsoids(120, 1, SHAPE)


@pytest.mark.parametrize("how", ["noise", "blur", "shift", "flip", "contrast"])
def test_of_planted_copies_95_per_cent_are_found_at_5_per_cent_false_alarms(
    how: str, rng: np.random.Generator
) -> None:
    honest = ellipsoids(190, 3, SHAPE)
    stolen = ImageSet(altered(TRAIN.images[:10], how, rng))  # 5 % of 200
    found = CopyAlarm.of(TRAIN.images, 0.95).look(join(stolen, honest))
    named = [copy.source if copy else None for copy in found]
    assert sum(name == str(n) for n, name in enumerate(named[:10])) >= 9.5
    false_alarms = np.mean([name is not None for name in named[10:]])
    # 5 % are meant; three binomial standard errors of 190 above.
    assert false_alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 190)


def test_the_threshold_is_a_quantile_of_how_near_the_others_are() -> None:
    few = TRAIN.take(list(range(8)))
    loosest, middle, strictest = (CopyAlarm.of(few.images, q) for q in (1.0, 0.5, 0.0))
    assert loosest.threshold > middle.threshold > strictest.threshold
    nearest = []
    for n in range(8):
        others = CopyAlarm.of(few.take([i for i in range(8) if i != n]).images, 0.0)
        (found,) = CopyAlarm(others.fine, others.names, -1.0).look(few.take([n]))
        assert found is not None
        nearest.append(found.correlation)
    expected = [np.quantile(nearest, q) for q in (1.0, 0.5, 0.0)]
    found_thresholds = [loosest.threshold, middle.threshold, strictest.threshold]
    np.testing.assert_allclose(found_thresholds, expected, atol=0.02)


def test_copies_of_the_last_of_many_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many are asked for the threshold says nothing about how many are searched."""
    monkeypatch.setattr("medgan.evaluation.copy_alarm.N_ASKED", 20)
    alarm = CopyAlarm.of(TRAIN.images, 0.99)
    found = alarm.look(ImageSet(TRAIN.images))
    assert [copy.source if copy else None for copy in found] == [str(n) for n in range(len(TRAIN))]
