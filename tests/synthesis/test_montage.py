"""Montage: what is where in the picture."""

import numpy as np
import pytest

from medgan.data.signed_distance import encode
from medgan.synthesis.montage import MARGIN, compose


@pytest.mark.parametrize("dims", [2, 3])
def test_right_anterior_corner_is_top_right(dims):
    shape = (6, 10, 5)[:dims]
    labels = np.zeros(shape, np.uint8)
    labels[5, 9] = 2  # right, anterior
    sample = np.concatenate([np.full((1, *shape), -1.0), encode(labels, [1, 2])])
    sample[0, 5, 9] = 1
    picture = compose([np.stack([sample, sample]), sample[None]])
    assert picture.dtype == np.uint8
    assert picture.shape == (4 * (10 + MARGIN), 2 * (6 + MARGIN))
    assert picture[0, 5] == 255
    assert (picture[:10, :6] > 0).sum() == 1
    assert picture[10 + MARGIN, 5] == 254  # the second of two classes
    assert not picture[2 * (10 + MARGIN) :, 6 + MARGIN :].any()


def test_without_labels_there_is_one_row():
    picture = compose([np.zeros((3, 1, 6, 10))])
    assert picture.shape == (10 + MARGIN, 3 * (6 + MARGIN))
    assert picture[0, 0] == 128
