from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import DataError
from medgan.evaluation.image_set import ImageSet, join
from tests.evaluation.ellipsoids import ellipsoids


def test_faults_are_named() -> None:
    images = np.zeros((3, 8, 8), np.float32)
    with pytest.raises(DataError, match="2 or 3 spatial axes"):
        ImageSet(images[0])
    with pytest.raises(DataError, match="do not lie on"):
        ImageSet(images, np.zeros((3, 8, 9), int))
    with pytest.raises(DataError, match="3 images but 2 names"):
        ImageSet(images, names=("a", "b"))


def test_classes_are_the_values_but_background() -> None:
    images = np.zeros((1, 2, 2), np.float32)
    assert ImageSet(images, np.array([[[0, 7], [3, 7]]])).classes == (3, 7)
    assert ImageSet(images).classes == ()


def test_take_and_join_keep_names_and_labels() -> None:
    images = ellipsoids(4, 0, (12, 12))
    part = images.take([2, 0])
    assert part.names == ("2", "0")
    both = join(part, images)
    assert both.labels is not None
    assert both.names == ("2", "0", "0", "1", "2", "3")
    assert join(part, ImageSet(images.images)).labels is None


def test_shrunk_is_the_mean_of_blocks() -> None:
    images = ellipsoids(2, 0, (9, 8))
    small = images.shrunk(max_voxels=20)
    assert small.shape == (4, 4)
    np.testing.assert_allclose(small.images[1, 3, 0], images.images[1, 6:8, 0:2].mean(), rtol=1e-6)
    assert small.labels is not None
    assert images.labels is not None
    assert small.labels[1, 2, 2] == images.labels[1, 5, 5]
    assert images.shrunk(max_voxels=72) is images
