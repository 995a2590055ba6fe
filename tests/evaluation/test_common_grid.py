from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import DataError
from medgan.evaluation.common_grid import common_grid, common_labels, common_shape


def test_percentiles_become_the_ends_of_the_range(rng: np.random.Generator) -> None:
    image = rng.uniform(100, 1e6, (20, 30, 10))
    (result,) = common_grid([image], (20, 30, 10))
    low, high = np.percentile(image, (0.5, 99.5))
    expected = np.clip(2 * (image - low) / (high - low) - 1, -1, 1)
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert result.dtype == np.float32


@pytest.mark.parametrize(("side", "first"), [(5, 2), (4, 2), (9, 0)])
def test_crop_and_padding_keep_the_centre(side: int, first: int) -> None:
    line = np.arange(9)
    (label,) = common_labels([np.tile(line, (9, 1))], (9, side))
    assert label.shape == (9, side)
    assert label[0, 0] == first


def test_new_voxels_repeat_the_edge_of_images_and_are_background_in_labels() -> None:
    ramp = np.tile(np.arange(1.0, 9.0), (8, 1))
    (image,) = common_grid([ramp], (8, 12))
    (label,) = common_labels([ramp.astype(int)], (8, 12))
    assert (image[:, :2] == image[:, 2:3]).all()
    assert (label[:, :2] == 0).all()
    assert (label[:, 2:10] == ramp).all()


def test_scale_and_offset_of_the_source_do_not_matter(rng: np.random.Generator) -> None:
    image = rng.normal(size=(16, 16))
    first, second = common_grid([image, 40 * image - 1000], (16, 16))
    np.testing.assert_allclose(first, second, atol=1e-5)


def test_one_value_and_no_number() -> None:
    flat, broken = common_grid([np.full((4, 4), 7.0), np.full((4, 4), np.nan)], (4, 4))
    assert (flat == -1).all()
    assert np.isnan(broken).all()


def test_median_shape_in_multiples() -> None:
    assert common_shape([(35, 50, 38), (33, 47, 30), (41, 52, 39)]) == (32, 48, 40)
    with pytest.raises(DataError, match="2D, 3D"):
        common_shape([(3, 4), (3, 4, 5)])


def test_wrong_dimension_is_named() -> None:
    with pytest.raises(DataError, match="expected 3 dimensions"):
        common_grid([np.zeros((4, 4))], (4, 4, 4))
