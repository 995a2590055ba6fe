from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.segmenter import Segmenter, _dice, encoder_features, train_segmenter
from tests.evaluation.ellipsoids import ellipsoids


@pytest.mark.parametrize("shape", [(20, 24), (13, 18, 16), (8, 8, 8), (5, 7)])
def test_any_size_in_and_logits_out_with_a_gradient_everywhere(shape: tuple[int, ...]) -> None:
    network = Segmenter(len(shape), n_classes=2, width=4)
    logits = network(torch.randn(2, 1, *shape))
    assert logits.shape == (2, 3, *shape)
    logits.square().mean().backward()
    for parameter in network.parameters():
        assert parameter.grad is not None
        assert parameter.grad.isfinite().all()


def test_dice_by_hand() -> None:
    found = torch.tensor([[0, 1, 1, 2], [0, 0, 0, 0]])
    truth = torch.tensor([[0, 1, 0, 2], [0, 0, 0, 0]])
    np.testing.assert_allclose(_dice(found, truth), [(2 / 3 + 1) / 2, 1])


@pytest.fixture(scope="module")
def trained() -> tuple[ImageSet, object]:
    train = ellipsoids(40, 1, (32, 32))
    return train, train_segmenter(train, (1, 2), steps=80, seed=0, width=8)


def test_it_learns_and_shuffled_labels_stand_out(trained: tuple[ImageSet, object]) -> None:
    _, segmenter = trained
    test = ellipsoids(30, 2, (32, 32))
    assert test.labels is not None
    shuffled = ImageSet(test.images, np.roll(test.labels, 1, axis=0))
    fitting = segmenter.dice(test).mean()
    assert fitting > 0.85
    assert segmenter.dice(shuffled).mean() < fitting - 0.05


def test_features_and_training_are_the_same_again(trained: tuple[ImageSet, object]) -> None:
    train, segmenter = trained
    again = train_segmenter(train, (1, 2), steps=80, seed=0, width=8)
    (first,), (second,) = (encoder_features(one.network, train) for one in (segmenter, again))
    assert first.shape == (40, 2 * (8 + 16 + 32))
    np.testing.assert_array_equal(first, second)


def test_classes_may_have_any_values() -> None:
    train = ellipsoids(16, 1, (24, 24))
    assert train.labels is not None
    renamed = ImageSet(train.images, np.array([0, 30, 200])[train.labels])
    first = train_segmenter(train, (1, 2), steps=3, seed=0, width=4).dice(train)
    second = train_segmenter(renamed, (30, 200), steps=3, seed=0, width=4).dice(renamed)
    np.testing.assert_allclose(first, second)


def test_a_set_without_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="no labels"):
        train_segmenter(ImageSet(np.zeros((8, 16, 16), np.float32)), (1,), steps=1, seed=0)
