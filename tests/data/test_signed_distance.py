"""Labels to channels and back, against scipy and closed forms."""

import numpy as np
import pytest
from scipy import ndimage

from medgan.data.signed_distance import SOFTNESS_VOXELS, decode, encode, keep_largest_parts


def blobs(shape, seed):
    """Random smooth regions of three classes."""
    noise = np.random.default_rng(seed).normal(size=(3, *shape))
    smooth = np.stack([ndimage.gaussian_filter(one, 2) for one in noise])
    smooth /= smooth.std()
    return np.where(smooth.max(0) > 0.8, smooth.argmax(0) + 1, 0).astype(np.uint8)


@pytest.mark.parametrize("shape", [(24, 30), (14, 16, 12)])
def test_decoding_undoes_encoding(shape):
    labels = blobs(shape, 0) * 2  # values 2, 4, 6
    assert len(np.unique(labels)) == 4
    channels = encode(labels, [2, 4, 6])
    assert channels.shape == (3, *shape)
    assert channels.dtype == np.float32
    assert np.abs(channels).max() <= 1
    np.testing.assert_array_equal(decode(channels, [2, 4, 6]), labels)


def test_flat_border_has_the_distances_of_a_ruler():
    labels = np.zeros((10, 4), np.uint8)
    labels[6:] = 1
    column = encode(labels, [1])[0, :, 0]
    expected = np.tanh((np.arange(10) - 5.5) / SOFTNESS_VOXELS)
    np.testing.assert_allclose(column, expected, rtol=1e-6)


def test_ball_has_the_distance_of_its_radius():
    i, j, k = np.indices((31, 31, 31)) - 15
    radius = np.sqrt(i**2 + j**2 + k**2)
    channel = encode((radius < 9).astype(np.uint8), [1])[0]
    distance = np.arctanh(channel.clip(-0.999, 0.999)) * SOFTNESS_VOXELS
    near = np.abs(radius - 9) < 4
    assert np.abs(distance - (9 - radius))[near].max() < 0.8  # voxels: the staircase of the border


def test_absent_and_all_covering_classes():
    empty = np.zeros((4, 5), np.uint8)
    np.testing.assert_array_equal(encode(empty, [1]), -1)
    np.testing.assert_array_equal(encode(empty + 1, [1]), 1)
    assert not decode(encode(empty, [1]), [1]).any()


def test_no_classes():
    labels = np.zeros((4, 5), np.uint8)
    assert encode(labels, []).shape == (0, 4, 5)
    np.testing.assert_array_equal(decode(encode(labels, []), []), labels)


def test_offsets_move_the_border():
    labels = np.zeros((20, 4), np.uint8)
    labels[10:] = 1
    channels = encode(labels, [1])
    one_voxel = float(np.tanh(1.0 / SOFTNESS_VOXELS))
    assert (decode(channels, [1], [one_voxel]) == 1).sum() == 11 * 4
    assert (decode(channels, [1], [-one_voxel]) == 1).sum() == 9 * 4


def test_largest_parts_stay_and_crumbs_go():
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[1:5, 1:5, 1:5] = 1
    labels[8:11, 8:11, 8:11] = 2
    whole = labels.copy()
    labels[10, 1, 1] = 1
    labels[5, 5, 5] = 1  # touches the cube by a corner only
    labels[1, 10, 1] = 2
    np.testing.assert_array_equal(keep_largest_parts(labels), whole)
