from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.common_grid import common_grid
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.prior_bar import MOST_VALUES, is_too_large, prior_images
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
    image = np.broadcast_to(np.float32(0), (2, MOST_VALUES // 4, 1))
    assert not is_too_large(ImageSet(image), (1,))
    assert is_too_large(ImageSet(image), (1, 2))
