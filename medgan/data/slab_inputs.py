"""What the slab network sees of one thick slice: the same in training and in use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import Stack
from medgan.interpolation.fillers import FlowFiller
from medgan.interpolation.slabs import Slabs, estimate

Floats = NDArray[np.float32]

REACH = 2
"""Thick slices that are looked at on each side."""

_FLOW = FlowFiller("symmetric_flow", is_symmetric=True)


class SlabArrays(NamedTuple):
    """`networks.slab_net.SlabInputs` of one thick slice, as numpy, without the batch dimension."""

    thick: Floats
    base: Floats
    steepness: np.float32


def base_of(thick: Stack, slabs: Slabs) -> Floats:
    """Return thin slices (n S, h, w) that the network starts from; they agree with the data."""
    return estimate(thick, slabs, _FLOW)


def steepness_of(step_mm: float, pixel_mm: float) -> np.float32:
    """Describe how far apart thick slices are, in pixels."""
    return np.float32(np.log2(step_mm / pixel_mm) / 3)


def slab_arrays(thick: Floats, base: Floats, position: int, steepness: np.float32) -> SlabArrays:
    """Describe one thick slice to the network; beyond an end the outermost slice is repeated.

    Parameters
    ----------
    thick, base
        (n, h, w) and (n S, h, w).
    """
    n, n_thin = len(thick), len(base)
    factor = n_thin // n
    around = np.clip(np.arange(position - REACH, position + REACH + 1), 0, n - 1)
    first = position * factor
    thin = np.clip(np.arange(first - 1, first + factor + 1), 0, n_thin - 1)
    return SlabArrays(thick[around], base[thin], steepness)
