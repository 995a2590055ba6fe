from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.evaluation.features import as_tensor
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.restorer import HOLE_SHARE, damaged, train_restorer
from medgan.evaluation.segmenter import encoder_features
from tests.evaluation.ellipsoids import ellipsoids


@pytest.mark.parametrize("shape", [(24, 24), (16, 24, 20)])
def test_it_learns_to_restore(shape: tuple[int, ...]) -> None:
    train, test = ellipsoids(24, 1, shape), ellipsoids(8, 2, shape)
    whole = as_tensor(test, slice(None), ())
    given = damaged(whole, torch.Generator().manual_seed(3))
    made = [train_restorer(train, steps, 0)(given).detach() for steps in (1, 60)]
    errors = [(one - whole).square().mean() for one in made]
    assert errors[1] < 0.5 * (given - whole).square().mean()
    assert errors[1] < 0.5 * errors[0]


def test_labels_are_not_looked_at_and_the_same_comes_again() -> None:
    train = ellipsoids(8, 1, (24, 24))
    networks = [train_restorer(images, 3, 0) for images in (train, ImageSet(train.images))]
    (first,), (second,) = (encoder_features(network, train) for network in networks)
    np.testing.assert_array_equal(first, second)


def test_a_quarter_is_cut_out_on_grids_that_holes_do_not_divide() -> None:
    images = torch.full((200, 1, 21, 30), 0.9)
    made = damaged(images, torch.Generator().manual_seed(0))
    assert made.shape == images.shape
    assert (made == 0).float().mean().item() == pytest.approx(HOLE_SHARE, abs=0.02)
