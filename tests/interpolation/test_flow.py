"""Flow of known motion, and sampling against scipy."""

import numpy as np
import pytest
from scipy import ndimage

from medgan.interpolation.flow import both_flows, morph, warp


def texture(shape=(60, 72), seed=0):
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.normal(size=shape), 3)
    return (0.5 + 0.15 * smooth / smooth.std()).astype(np.float32)


def moved(image, dx, dy):
    """The image with its content moved by (dx, dy) pixels; scipy is the reference."""
    return ndimage.shift(image, (dy, dx), order=3, mode="nearest").astype(np.float32)


@pytest.mark.parametrize("shape", [(60, 72), (36, 50), (150, 130)])
@pytest.mark.parametrize("motion", [(2.0, 0.0), (0.0, -1.5), (1.5, 2.5)])
def test_a_known_shift_is_found_in_pixels(shape, motion):
    a = texture(shape)
    u = both_flows(a, moved(a, *motion))[1]
    inner = u[:, 10:-10, 10:-10]
    assert inner.shape[0] == 2
    np.testing.assert_allclose(np.median(inner, axis=(1, 2)), motion, atol=0.15)


def test_symmetric_flow_changes_its_sign_with_the_order():
    a, b = texture(seed=1), texture(seed=2)
    np.testing.assert_array_equal(both_flows(a, b)[1], -both_flows(b, a)[1])


def test_symmetric_flow_is_half_the_difference_of_both_directions():
    a = texture(seed=1)
    b = moved(a, 1.0, 1.0)
    forth, symmetric = both_flows(a, b)
    back, _ = both_flows(b, a)
    np.testing.assert_allclose(symmetric, (forth - back) / 2, atol=1e-6)


def test_equal_slices_do_not_move():
    a = texture()
    np.testing.assert_array_equal(both_flows(a, a)[1], 0)


def test_values_far_beyond_the_range_are_clipped_not_wrapped():
    a = texture()
    b = moved(a, 2.0, 0.0)
    a[5, 5] = b[5, 7] = 4.0
    u = both_flows(a, b)[1]
    assert np.median(u[0, 10:-10, 10:-10]) == pytest.approx(2, abs=0.15)


def test_warp_is_bilinear_with_repeated_borders():
    image = texture()
    rng = np.random.default_rng(3)
    u = rng.uniform(-8, 8, size=(2, *image.shape)).astype(np.float32)
    y, x = np.indices(image.shape)
    exact = ndimage.map_coordinates(image, [y + u[1], x + u[0]], order=1, mode="nearest")
    # OpenCV samples at 1/32 of a pixel.
    step = max(np.abs(np.diff(image, axis=0)).max(), np.abs(np.diff(image, axis=1)).max())
    np.testing.assert_allclose(warp(image, u), exact, atol=step / 16)


def test_morph_begins_with_a_and_ends_with_b():
    a, b = texture(seed=1), texture(seed=2)
    u = np.ones((2, *a.shape), np.float32)
    np.testing.assert_allclose(morph(a, b, 0.0, u), a, atol=1e-6)
    np.testing.assert_allclose(morph(a, b, 1.0, u), b, atol=1e-6)


def test_half_way_the_content_has_moved_half_way():
    a = texture()
    b = moved(a, 4.0, 0.0)
    half = morph(a, b, 0.5, both_flows(a, b)[1])
    error = np.abs(half - moved(a, 2.0, 0.0))[12:-12, 12:-12].mean()
    blend = np.abs((a + b) / 2 - moved(a, 2.0, 0.0))[12:-12, 12:-12].mean()
    assert error < 0.1 * blend
