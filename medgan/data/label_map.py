"""From label channels to the label map of a virtual case."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.data.signed_distance import decode, keep_largest_parts
from medgan.data.slice_cut import SliceCut, cut


def label_map(
    channels: NDArray[np.floating],
    values: Sequence[int],
    offsets: Sequence[float],
    slice_cuts: Sequence[SliceCut],
    *,
    largest_part: bool,
) -> NDArray[np.uint8]:
    """Decode channels (K, *S), divide what is divided by planes, and drop crumbs."""
    labels = decode(channels, values, offsets)
    for row in slice_cuts:
        labels = cut(labels, row)
    return keep_largest_parts(labels) if largest_part else labels
