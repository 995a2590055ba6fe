"""What the slice inpainter sees of one missing slice: the same in training and in use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import K, Stack, weights

Floats = NDArray[np.float32]


class SliceArrays(NamedTuple):
    """`networks.slice_net.SliceInputs` of one slice, as numpy, without the batch dimension."""

    neighbours: Floats
    kernels: Floats
    flow: Floats
    fraction: np.float32
    condition: Floats


def slice_arrays(stack: Stack, target: int) -> SliceArrays:
    """Describe one missing slice to the network.

    Parameters
    ----------
    stack
        Planes with gaps.
    target
        A missing position with slices on both sides.
    """
    before, after = stack.neighbours(target)
    n_lead, n_trail = K - len(before), K - len(after)
    used = before[:1] * n_lead + before + after + after[-1:] * n_trail
    x = stack.positions_mm[used]
    inner = x[K] - x[K - 1]
    fraction = stack.fraction(target)
    kernels = np.zeros((2, 2 * K), dtype=np.float32)
    true = slice(n_lead, 2 * K - n_trail)
    here = float(stack.positions_mm[target])
    kernels[0, true] = weights.cubic(x[true], here)
    kernels[1, true] = weights.spline(x[true], here)
    condition = [
        fraction - 0.5,
        np.log2(after[0] - before[-1] - 1) / 3 - 0.5,
        _ratio(x[K - 1] - x[K - 2], inner),
        _ratio(x[K + 1] - x[K], inner),
        np.log2(inner / stack.pixel_mm) / 3,
    ]
    return SliceArrays(
        neighbours=stack.planes[used],
        kernels=kernels,
        flow=stack.flow(before[-1], after[0]),
        fraction=np.float32(fraction),
        condition=np.asarray(condition, dtype=np.float32),
    )


def _ratio(outer: float, inner: float) -> float:
    """log2(outer / inner) / 2; a repeated outermost slice has no step and counts as the inner."""
    return float(np.log2(outer / inner)) / 2 if outer > 0 else 0.0
