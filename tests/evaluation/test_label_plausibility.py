from __future__ import annotations

import numpy as np
import pytest
from skimage.measure import euler_number
from skimage.measure import label as connected

from medgan.evaluation.label_plausibility import label_statistics, plausibility
from tests.evaluation.ellipsoids import ellipsoids


def test_a_cube_and_a_square_by_hand() -> None:
    cube = np.zeros((1, 8, 8, 8), int)
    cube[0, 2:6, 2:6, 2:6] = 3
    found = label_statistics(cube, (3, 4))
    assert found["volume of 3"] == 64
    assert found["roughness of 3"] == pytest.approx(6)
    assert found["largest part of 3"] == 1
    assert found["parts"] == 1
    assert found["holes"] == 0
    assert found["contact"] == 0
    assert found["volume of 4"] == 0
    assert np.isnan(found["roughness of 4"]).all()
    square = np.zeros((1, 8, 8), int)
    square[0, 2:6, 2:6] = 1
    assert label_statistics(square, (1,))["roughness of 1"] == pytest.approx(4)


def test_parts_holes_and_contact_by_hand() -> None:
    label = np.zeros((1, 10, 10), int)
    label[0, 1:6, 1:6] = 1
    label[0, 3, 3] = 0
    label[0, 6, 6] = 1
    label[0, 1:6, 6] = 2
    label[0, 9, 9] = 2
    found = label_statistics(label, (1, 2))
    # The corner voxel hangs on to the square; the lone voxel of class 2 does not to its column.
    assert found["parts"] == 3
    assert found["holes"] == 1
    assert found["largest part of 2"] == pytest.approx(5 / 6)
    assert found["contact"] == 5 + 1


def test_parts_and_holes_agree_with_the_euler_number(rng: np.random.Generator) -> None:
    speckle = (rng.random((6, 14, 14)) < 0.55).astype(int)
    found = label_statistics(speckle, (1,))
    for i, label in enumerate(speckle):
        assert found["parts"][i] == connected(label, connectivity=2).max()
        assert found["parts"][i] - found["holes"][i] == euler_number(label, connectivity=2)


def test_real_like_pass_and_each_fault_is_caught(rng: np.random.Generator) -> None:
    train, test, fake = (ellipsoids(n, s).labels for n, s in ((60, 1), (30, 2), (30, 3)))
    assert train is not None
    assert test is not None
    assert fake is not None
    judged = plausibility(train, test, fake, (1, 2))
    assert judged.real > 0.8
    assert judged.fake > 0.8

    def caught(labels: np.ndarray, name: str) -> float:
        statistics = plausibility(train, test, labels, (1, 2)).statistics
        return next(s.outside for s in statistics if s.name == name)

    speckled = np.where(rng.random(fake.shape) < 0.01, 2, fake)
    assert caught(speckled, "parts") == 1
    holed = np.where(rng.random(fake.shape) < 0.01, 0, fake)
    assert caught(holed, "holes") == 1
    assert caught(np.where(fake == 1, 0, fake), "contact") == 1
    assert caught(np.where(fake == 1, 0, fake), "volume of 1") == 1
    ragged = np.where((rng.random(fake.shape) < 0.5) & (fake == 1), 0, fake)
    assert caught(ragged, "roughness of 1") == 1
