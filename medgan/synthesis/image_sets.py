"""Real and virtual cases as evaluation compares them: on one grid, in one range, labels decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.data.label_map import label_map
from medgan.data.signed_distance import decode
from medgan.data.slice_cut import SliceCut
from medgan.data.space import Space
from medgan.evaluation import ImageSet, common_grid
from medgan.synthesis.fitted import stack_samples

AT_MOST = 400
"""Training samples that are looked at, as many as the recipe of a prior takes."""


def real_set(prepared: Any, space: Space) -> ImageSet:
    """Return prepared cases; in 2D their slices."""
    samples = stack_samples(prepared, space, AT_MOST).numpy()
    values = space.label_values
    labels = np.stack([decode(one[1:], values) for one in samples]) if values else None
    return ImageSet(common_grid(list(samples[:, 0]), space.shape), labels)


def virtual_set(
    samples: Sequence[NDArray[np.float32]],
    space: Space,
    label_offsets: Sequence[float],
    slice_cuts: Sequence[SliceCut],
    *,
    largest_part: bool,
) -> ImageSet:
    """Return samples (C, *S) of a generator, their labels as they would be written."""
    values = space.label_values
    labels = None
    if values:
        labels = np.stack(
            [
                label_map(one[1:], values, label_offsets, slice_cuts, largest_part=largest_part)
                for one in samples
            ]
        )
    return ImageSet(common_grid([one[0] for one in samples], space.shape), labels)
