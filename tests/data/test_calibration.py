"""Calibration: volumes come out as asked, and a closed form."""

import numpy as np
import pytest
from scipy import ndimage

from medgan.data.calibration import calibrate
from medgan.data.signed_distance import decode, encode


def channels(n, n_classes, shape=(12, 14, 10)):
    noise = np.random.default_rng(0).normal(size=(n, n_classes, *shape))
    smooth = ndimage.gaussian_filter(noise, (0, 0, 2, 2, 2))
    return np.tanh(smooth / smooth.std() - 1)


@pytest.mark.parametrize("wanted", [(100.0,), (60.0, 150.0), (40.0, 80.0, 120.0)])
def test_mean_volumes_are_the_wanted_ones(wanted):
    made = channels(20, len(wanted))
    offsets = calibrate(made, wanted)
    values = range(1, len(wanted) + 1)
    labels = np.stack([decode(one, values, offsets) for one in made])
    volumes = [(labels == v).sum() / len(made) for v in values]
    np.testing.assert_allclose(volumes, wanted, rtol=0.02)


def test_right_volumes_need_no_offset():
    labels = np.zeros((6, 20, 20), np.uint8)
    for n, one in enumerate(labels):
        one[4 : 10 + n, 5:12] = 1
        one[4 : 10 + n, 12:15] = 2
    made = np.stack([encode(one, [1, 2]) for one in labels])
    wanted = [(labels == v).sum() / 6 for v in (1, 2)]
    offsets = calibrate(made, wanted)
    decoded = np.stack([decode(one, [1, 2], offsets) for one in made])
    np.testing.assert_array_equal(decoded, labels)


def test_offset_of_a_ramp_is_known():
    """One class, channel rising evenly from -1 to 1: the share above -o is (1 + o) / 2."""
    ramp = np.linspace(-1, 1, 1001)[None, None, :, None]
    (offset,) = calibrate(ramp, [0.6 * 1001])
    assert offset == pytest.approx(0.2, abs=0.005)


def test_a_class_that_is_never_made_stays_within_bounds():
    offsets = calibrate(np.full((4, 1, 8, 8), -1.0), [10.0])
    assert offsets == (0.95,)
