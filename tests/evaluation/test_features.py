from __future__ import annotations

import numpy as np
import pytest

from medgan.evaluation.features import CLIP, Standard, random_features, standardised
from medgan.evaluation.image_set import ImageSet
from tests.evaluation.ellipsoids import ellipsoids


@pytest.mark.parametrize("shape", [(32, 48), (32, 48, 32)])
def test_same_images_same_features_whatever_the_batch(shape: tuple[int, ...]) -> None:
    images = ellipsoids(20, 1, shape)
    together = random_features(images, (1, 2))
    alone = random_features(images.take([18]), (1, 2))
    assert len(together) == 3
    blocks = 2 * 3 * (2 if len(shape) == 3 else 1)
    for whole, one in zip(together, alone, strict=True):
        assert whole.shape == (20, 2 * (16 + 32 + 64 + 64) + 64 * blocks)
        np.testing.assert_allclose(whole[18], one[0], rtol=1e-4, atol=1e-5)


def test_image_features_do_not_see_labels_and_joint_ones_do() -> None:
    images = ellipsoids(4, 1, (24, 24))
    assert images.labels is not None
    swapped = ImageSet(images.images, images.labels[::-1])
    for seen, same in (((), True), ((1, 2), False)):
        first, second = random_features(images, seen)[0], random_features(swapped, seen)[0]
        assert np.allclose(first, second) is same


def test_the_networks_differ() -> None:
    first, second, _ = random_features(ellipsoids(3, 1, (24, 24)))
    assert not np.allclose(first, second)


def test_standard_by_hand(rng: np.random.Generator) -> None:
    reference = rng.normal(3, 2, (50, 4))
    reference[:, 1] = 5
    scale = Standard.of(reference)
    result = scale(reference)
    assert result.shape == (50, 3)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(result.std(axis=0, ddof=1), 1)
    assert np.abs(scale(1e9 * reference)).max() == CLIP


def test_the_reference_sets_the_scale_of_all(rng: np.random.Generator) -> None:
    reference, other = [rng.normal(size=(30, 5))], [rng.normal(1, 1, (30, 5))]
    first, second = standardised(reference, other)
    expected = (other[0] - reference[0].mean(axis=0)) / reference[0].std(axis=0, ddof=1)
    np.testing.assert_allclose(first[0].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(second[0], expected)
