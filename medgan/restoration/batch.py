"""Slices as the network takes them: numpy descriptions stacked into tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from medgan.data.slice_inputs import SliceArrays
from medgan.data.slice_samples import Sample
from medgan.networks.slice_net import SliceInputs


class SliceBatch(NamedTuple):
    """Missing slices with their truth; intensities about 0..1.

    Parameters
    ----------
    inputs
        What the network sees.
    target
        (B, 1, h, w) the slices that were taken away.
    weight
        (B,) of their errors in the reconstruction loss.
    """

    inputs: SliceInputs
    target: Tensor
    weight: Tensor


def collate(samples: Sequence[Sample]) -> SliceBatch:
    """Stack samples into a batch."""
    target = torch.from_numpy(np.stack([sample.target for sample in samples]))[:, None]
    weight = torch.from_numpy(np.stack([sample.weight for sample in samples]))
    return SliceBatch(stack_inputs([sample.arrays for sample in samples]), target, weight)


def stack_inputs(arrays: Sequence[SliceArrays]) -> SliceInputs:
    """Stack descriptions of slices into what the network takes."""
    return SliceInputs(*(torch.from_numpy(np.stack(parts)) for parts in zip(*arrays, strict=True)))
