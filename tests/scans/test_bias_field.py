"""A field that was multiplied in is found again by N4."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.scans import bias_field


def head(shape=(48, 52, 40)):
    """Two tissues in an ellipsoid, air around them."""
    centre = (np.array(shape) - 1) / 2
    index = np.indices(shape).astype(float)
    r = np.sqrt(
        sum(((x - c) / (0.42 * n)) ** 2 for x, c, n in zip(index, centre, shape, strict=True))
    )
    tissue = np.where(r < 0.6, 900.0, 600.0) * (r < 1)
    return tissue, r < 1, index


@pytest.mark.parametrize("axis", [0, 2])
def test_a_smooth_field_is_found_up_to_a_constant(axis):
    tissue, inside, index = head()
    true = np.exp(0.5 * np.cos(np.pi * index[axis] / tissue.shape[axis]))
    noise = np.random.default_rng(0).normal(0, 10, tissue.shape)
    seen = (np.abs(tissue * true + noise)).astype(np.float32)
    field = bias_field(seen, (1.0, 1.0, 1.5))
    assert field.shape == seen.shape
    left = np.log(true[inside]) - np.log(field[inside])
    assert left.std() < 0.6 * np.log(true[inside]).std()
    assert np.log(field[inside]).mean() == pytest.approx(0, abs=0.02)


def test_what_is_not_above_zero_does_not_count():
    tissue, inside, _ = head()
    seen = tissue.astype(np.float32)
    seen[0, 0, 0], seen[1, 0, 0] = np.nan, -500
    field = bias_field(seen, (1.0, 1.0, 1.0))
    assert np.isfinite(field).all()
    assert (field > 0).all()
    assert np.abs(np.log(field[inside])).max() < 0.2
