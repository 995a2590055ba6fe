"""The description of a missing slice: true positions, whatever is missing around it."""

from __future__ import annotations

import numpy as np
import pytest

from medgan.data.slice_inputs import slice_arrays
from medgan.interpolation import K, Stack


def ramp_stack(present: list[int], positions: list[float]) -> Stack:
    """Every plane holds its position in mm over 10."""
    n = len(positions)
    planes = np.empty((n, 24, 24), np.float32)
    planes[:] = np.asarray(positions, np.float32)[:, None, None] / 10
    flags = np.zeros(n, bool)
    flags[present] = True
    planes[~flags] = np.nan  # what is not there must not be looked at
    return Stack(planes, flags, np.asarray(positions, float), 2.0)


def test_neighbours_fraction_and_condition_use_true_positions() -> None:
    stack = ramp_stack([0, 1, 2, 5, 6, 7], [0, 1, 2, 3.5, 4, 5, 6, 7])
    arrays = slice_arrays(stack, 3)
    assert arrays.neighbours[:, 0, 0] * 10 == pytest.approx([0, 1, 2, 5, 6, 7])
    assert arrays.fraction == pytest.approx(0.5)
    # two slices missing; outer steps a third of the inner one; inner step 3 mm over 2 mm pixels
    expected = [0, np.log2(2) / 3 - 0.5, np.log2(1 / 3) / 2, np.log2(1 / 3) / 2, np.log2(1.5) / 3]
    assert arrays.condition == pytest.approx(expected)


def test_the_outermost_slice_is_repeated_where_the_stack_ends() -> None:
    stack = ramp_stack([0, 2, 3], [0, 1, 2, 3])
    arrays = slice_arrays(stack, 1)
    assert arrays.neighbours.shape == (2 * K, 24, 24)
    assert arrays.neighbours[:, 0, 0] * 10 == pytest.approx([0, 0, 0, 2, 3, 3])
    assert np.isfinite(arrays.condition).all()
    for kernel in arrays.kernels:
        assert kernel.sum() == pytest.approx(1, abs=1e-6)
        assert kernel @ arrays.neighbours[:, 0, 0] == pytest.approx(0.1, abs=1e-6)


def test_the_end_of_a_stack_is_refused() -> None:
    stack = ramp_stack([1, 2, 3], [0, 1, 2, 3])
    with pytest.raises(ValueError, match="one side only"):
        slice_arrays(stack, 0)
