from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.common_grid import common_grid
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.prior_bar import AT_MOST, MOST_VALUES, is_too_large, prior_images
from tests.evaluation.ellipsoids import ellipsoids


@pytest.mark.parametrize("shape", [(20, 24), (16, 20, 16)])
def test_draws_have_moments_and_volumes_of_the_training_set(shape: tuple[int, ...]) -> None:
    drawn = ellipsoids(40, 1, shape)
    train = ImageSet(common_grid(list(drawn.images), shape), drawn.labels)
    made = prior_images(train, (1, 2), 300, seed=0)
    assert made.images.shape == (300, *shape)
    assert np.abs(made.images).max() <= 1
    wide = train.images.std(axis=0) > 0.2
    assert np.abs(made.images.mean(axis=0) - train.images.mean(axis=0))[wide].mean() < 0.05
    ratio = made.images.std(axis=0)[wide] / train.images.std(axis=0)[wide]
    assert ratio.mean() == pytest.approx(1, abs=0.1)
    assert made.labels is not None
    assert train.labels is not None
    for value in (1, 2):
        sizes = [(labels == value).mean() for labels in (made.labels, train.labels)]
        assert sizes[0] == pytest.approx(sizes[1], rel=0.1)


def test_the_same_seed_draws_the_same_and_images_may_be_alone() -> None:
    train = ellipsoids(10, 1, (16, 16))
    alone = ImageSet(train.images)
    drawn = [prior_images(alone, (), 3, seed).images for seed in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert not np.array_equal(drawn[0], drawn[2])
    assert prior_images(alone, (), 3, 0).labels is None


def test_what_is_too_large_is_told_beforehand() -> None:
    shape = (MOST_VALUES // AT_MOST // 4, 1, 2)
    assert not is_too_large(AT_MOST, shape, 1)
    assert is_too_large(AT_MOST, shape, 2)
    assert not is_too_large(10 * AT_MOST, shape, 1)  # no more than 400 are looked at


def test_of_many_images_four_hundred_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("medgan.evaluation.prior_bar.AT_MOST", 5)
    train = ellipsoids(9, 1, (16, 16))
    every_other = train.take([0, 2, 4, 6, 8])
    drawn = [prior_images(images, (1, 2), 3, 0).images for images in (train, every_other)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
