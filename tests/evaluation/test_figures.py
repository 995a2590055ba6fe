from __future__ import annotations

import pytest

from medgan.evaluation.copies import find_copies
from medgan.evaluation.figures import (
    Sets,
    random_network_figures,
    texture_figures,
    utility_figures,
    variety_figures,
)
from tests.evaluation.ellipsoids import ellipsoids

SETS = Sets(*(ellipsoids(20, seed, (20, 20, 20)) for seed in (1, 2, 3)), (1, 2), seed=0)


def test_training_cases_as_virtual_ones_give_the_floor() -> None:
    same = Sets(SETS.train, SETS.test, SETS.train, SETS.classes, seed=0)
    search = find_copies(same.fake, same.train, same.test)
    for figure in [
        *random_network_figures(same),
        *texture_figures(same),
        *variety_figures(same, search)[1:2],
    ]:
        if not figure.name.startswith("c2st"):
            assert figure.value == pytest.approx(figure.floor), figure.name


def test_labels_are_looked_at_only_where_there_are_classes() -> None:
    bare = Sets(SETS.train, SETS.test, SETS.fake, (), seed=0)
    names = {figure.name for figure in random_network_figures(bare)}
    assert {"kid_rand", "recall"} <= names
    assert not names & {"kid_joint", "c2st_joint"}


def test_utility_stands_beside_training_on_real_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgan.evaluation.utility.train_segmenter", _untrained)
    synthetic, both = utility_figures(SETS)
    assert (synthetic.name, both.name) == ("dice_synthetic", "dice_both")
    assert synthetic.floor == both.floor


def _untrained(images: object, classes: tuple[int, ...], steps: int, seed: int) -> object:
    from medgan.evaluation.segmenter import Segmenter, TrainedSegmenter

    return TrainedSegmenter(Segmenter(3, len(classes), 4).eval(), classes)
