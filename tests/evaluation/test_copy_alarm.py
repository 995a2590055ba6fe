"""Copies planted among honest images: how many are found, and how many honest ones are taken."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import DataError
from medgan.evaluation.copy_alarm import CopyAlarm
from medgan.evaluation.image_set import ImageSet, join
from medgan.synthesis.copy_guard import QUANTILE
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
    found = CopyAlarm.of(TRAIN.images[:, None], 0.95).look(join(stolen, honest))
    named = [copy.source if copy else None for copy in found]
    assert sum(name == str(n) for n, name in enumerate(named[:10])) >= 9.5
    false_alarms = np.mean([name is not None for name in named[10:]])
    # 5 % are meant; three binomial standard errors of 190 above.
    assert false_alarms <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 190)


@pytest.mark.parametrize("how", ["noise", "blur", "shift", "flip", "contrast"])
def test_in_volumes_the_guard_as_it_is_used_finds_them_too(
    how: str, rng: np.random.Generator
) -> None:
    train, honest = (ellipsoids(n, seed, (20, 24, 20)) for n, seed in ((200, 1), (190, 3)))
    stolen = ImageSet(altered(train.images[:10], how, rng))  # 5 % of 200
    found = CopyAlarm.of(train.images[:, None], QUANTILE).look(join(stolen, honest))
    named = [copy.source if copy else None for copy in found[:10]]
    assert sum(name == str(n) for n, name in enumerate(named)) >= 9.5
    # 1 % is meant, of a threshold that 200 scans settle to within some per cent.
    assert np.mean([copy is not None for copy in found[10:]]) <= 0.05


def test_the_threshold_is_a_quantile_of_how_near_the_others_are() -> None:
    few = TRAIN.take(list(range(8)))
    loosest, middle, strictest = (CopyAlarm.of(few.images[:, None], q) for q in (1.0, 0.5, 0.0))
    assert loosest.threshold > middle.threshold > strictest.threshold
    nearest = []
    for n in range(8):
        others = CopyAlarm.of(few.take([i for i in range(8) if i != n]).images[:, None], 0.0)
        (found,) = CopyAlarm(others.keys, -1.0).look(few.take([n]))
        assert found is not None
        nearest.append(found.correlation)
    expected = [np.quantile(nearest, q) for q in (1.0, 0.5, 0.0)]
    found_thresholds = [loosest.threshold, middle.threshold, strictest.threshold]
    np.testing.assert_allclose(found_thresholds, expected, atol=0.02)


def test_copies_of_the_last_of_many_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many are asked for the threshold says nothing about how many are searched."""
    monkeypatch.setattr("medgan.evaluation.copy_alarm.N_ASKED", 20)
    alarm = CopyAlarm.of(TRAIN.images[:, None], 0.99)
    found = alarm.look(ImageSet(TRAIN.images))
    assert [copy.source if copy else None for copy in found] == [str(n) for n in range(len(TRAIN))]


def test_neighbouring_slices_do_not_loosen_the_guard(rng: np.random.Generator) -> None:
    """Seven times as many slices of the same scans: noisy copies are still found."""
    first, last = (ellipsoids(12, seed, SHAPE).images for seed in (5, 6))
    scans = [
        a + np.linspace(0, 1, 21)[:, None, None] * (b - a) for a, b in zip(first, last, strict=True)
    ]
    scans = [scan.astype(np.float32) for scan in scans]
    dense, sparse = CopyAlarm.of(scans, 0.99), CopyAlarm.of([s[::10] for s in scans], 0.99)
    assert dense.threshold < sparse.threshold + 0.1
    stolen = np.concatenate([scan[5:16:5] for scan in scans])
    noisy = (stolen + rng.normal(0, 0.05, stolen.shape)).clip(-1, 1).astype(np.float32)
    assert np.mean([found is not None for found in dense.look(ImageSet(noisy))]) >= 0.9


def test_what_is_no_number_is_no_honest_image_and_two_scans_say_nothing() -> None:
    broken = np.full((1, *SHAPE), np.nan, np.float32)
    assert CopyAlarm.of(TRAIN.images[:9, None], 0.99).look(ImageSet(broken)) != [None]
    with pytest.raises(DataError, match="2 scans"):
        CopyAlarm.of(TRAIN.images[:2, None], 0.99)
