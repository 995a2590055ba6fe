"""Voxels turned so that any two scans can be compared: axes nearest to R, A and S."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_PAIRS = ("RL", "AP", "SI")
_BACKWARD = "LPI"


def in_ras_order(voxels: NDArray[Any], orientation: str) -> NDArray[Any]:
    """Turn `(i, j, k)` voxels whose axes point to `orientation`, e.g. `LPS`."""
    axes = ras_axes(orientation)
    turned = voxels.transpose(axes)
    backward = tuple(n for n, axis in enumerate(axes) if orientation[axis] in _BACKWARD)
    return np.ascontiguousarray(np.flip(turned, backward))


def ras_axes(orientation: str) -> tuple[int, int, int]:
    """Return which voxel axis runs along R, along A and along S."""
    r, a, s = (next(n for n, x in enumerate(orientation) if x in pair) for pair in _PAIRS)
    return r, a, s
