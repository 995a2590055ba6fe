"""What a model folder says of its training set."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.signed_distance import encode
from medgan.data.slice_cut import SliceCut
from medgan.synthesis.measure import find_slice_cuts

from .conftest import make_space

VALUES = (2, 5)


def rod(seed: int) -> np.ndarray:
    """A rod along the second axis, in the middle of a volume (20, 16, 12), divided somewhere."""
    labels = np.zeros((20, 16, 12), np.uint8)
    labels[7:13, 2:14, 4:9] = 2
    labels[7:13, 6 + seed % 5 : 14, 4:9] = 5
    return labels


def prepared(labels: np.ndarray) -> dict[str, torch.Tensor]:
    image = np.zeros((1, *labels.shape), np.float32)
    return {"image": torch.from_numpy(np.concatenate([image, encode(labels, VALUES)]))}


@pytest.mark.parametrize("n", [2, 60, 140])
def test_planes_are_found_in_slices_and_in_volumes_of_however_many_cases(n: int) -> None:
    cases = [prepared(rod(seed)) for seed in range(n)]
    volumes = make_space(shape=(20, 16, 12))
    assert find_slice_cuts(cases, volumes) == (SliceCut(axis=1, values=VALUES),)
    # Slices across the rod show one label; along it, in six of twenty places, both.
    slices = make_space(spatial_dims=2, shape=(16, 12), slice_axis=0)
    assert find_slice_cuts(cases, slices) == (SliceCut(axis=0, values=VALUES),)
    turned = [{"image": case["image"].transpose(1, 2)} for case in cases]
    across = make_space(spatial_dims=2, shape=(20, 12), slice_axis=1)
    assert find_slice_cuts(turned, across) == ()
