"""Physical values that are derived where they are looked at are those of the whole array."""

import tracemalloc

import numpy as np
import pytest

from medgan.scans import PhysicalView
from medgan.scans.physical_view import CHUNK

SHAPE = (6, 5, 4)


def make_view(shape=SHAPE, dtype=np.int16):
    rng = np.random.default_rng(0)
    stored = rng.integers(-1000, 3000, shape).astype(dtype)
    slope, intercept = rng.uniform(0.5, 2, shape[2]), rng.uniform(-1100, 50, shape[2])
    present = np.arange(shape[2]) % 3 != 1
    return PhysicalView(stored, *(np.broadcast_to(a, shape) for a in (slope, intercept, present)))


def derived(view):
    """The rule itself: stored * slope + intercept in double precision, then single."""
    whole = view.stored.astype(np.float64) * view.slope + view.intercept
    return np.where(view.present, whole, np.nan).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.int16, np.uint8, np.float32, np.float64])
def test_values_are_stored_times_slope_plus_intercept(dtype):
    view = make_view(dtype=dtype)
    values = np.asarray(view)
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, derived(view))
    assert view.shape == values.shape
    assert (view.size, view.ndim) == (values.size, values.ndim)


@pytest.mark.parametrize(
    "index",
    [
        (slice(None), 2),
        (slice(None, None, 2), slice(3, 0, -1)),
        (..., 3),
        (1, 2, 0),
        (slice(None), slice(None), np.array([3, 0])),
    ],
)
def test_indexing_is_that_of_numpy(index):
    view = make_view()
    np.testing.assert_array_equal(np.asarray(view[index]), np.asarray(view)[index])


def test_transposing_is_that_of_numpy():
    view = make_view()
    turned = view.transpose((2, 0, 1))[::-1]
    np.testing.assert_array_equal(np.asarray(turned), np.asarray(view).transpose(2, 0, 1)[::-1])


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_large_array_is_derived_in_parts_with_the_same_values(order):
    small = make_view((32, 33, CHUNK // 500))
    view = PhysicalView(np.asarray(small.stored, order=order), *small._arrays[1:])
    assert view.size > CHUNK
    tracemalloc.start()
    values = np.asarray(view)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * values.nbytes  # double precision alone would take twice as much
    np.testing.assert_array_equal(values, derived(view))
