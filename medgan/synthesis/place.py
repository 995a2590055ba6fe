"""Network output onto a real grid: physical values, stored type, labels, patient axes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.data.label_map import label_map
from medgan.data.space import Space
from medgan.scans import Grid, Scan, Source
from medgan.synthesis.output import Output

ENOUGH_GREYS, N_STEPS = 200, 4000
"""Whole physical values are kept where the range holds so many of them: more than the eye tells
apart. Else the range is cut into steps, about as many as the 12 bits of a scanner."""

_LETTERS = ("RL", "AP", "SI")


@dataclass(frozen=True, eq=False)
class VirtualCase:
    """One virtual scan with its labels.

    Parameters
    ----------
    image
        Every slice of it is marked synthetic.
    labels
        (i, j, k) uint8 on the image's grid; None for a model without labels.
    index
        Which sample of its seed this is, from 0.
    n_rejected
        Draws before it that were too near to a training scan.
    notes
        What else there is to say of how it was made.
    wanted
        Values of conditions that were asked for.
    sources, content_hash
        Of the label map that it was made for; empty where labels were made too.
    """

    id: str
    image: Scan
    labels: NDArray[np.uint8] | None
    index: int
    seed: int
    n_rejected: int = 0
    notes: tuple[str, ...] = ()
    wanted: dict[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    content_hash: str = ""


def place(
    channels: NDArray[np.floating],
    output: Output,
    index: int,
    seed: int,
    affine: NDArray[np.float64] | None = None,
) -> VirtualCase:
    """Turn one sample (C, *S) in -1..1, RAS order, into a scan with labels on a real grid.

    Parameters
    ----------
    affine
        (4, 4) from voxels in RAS order to RAS+ millimetres; None: as the training set lies.
    """
    space = output.space
    low, high = output.intensity_range
    values = low + (np.clip(channels[0], -1, 1).astype(np.float64) + 1) / 2 * (high - low)
    stored, slope, intercept = quantise(values, output.intensity_range)
    labels = None
    if space.label_values:
        labels = label_map(
            channels[1:],
            space.label_values,
            output.label_offsets,
            output.slice_cuts,
            largest_part=output.largest_part,
        )
    grid = target_grid(space, affine)
    n = grid.shape[2]
    image = Scan(
        id=f"case_{index + 1:04d}",
        stored=turn(stored, space),
        grid=grid,
        axis=2,
        present=np.ones(n, bool),
        synthetic=np.ones(n, bool),
        slope=np.full(n, slope),
        intercept=np.full(n, intercept),
        modality=space.modality,
        format="nifti",
        source=Source(root=Path(), files=()),
    )
    turned = None if labels is None else turn(labels, space)
    return VirtualCase(image.id, image, turned, index, seed)


def target_grid(space: Space, affine: NDArray[np.float64] | None = None) -> Grid:
    """Return the grid of the outputs: the training set's axes.

    Parameters
    ----------
    affine
        Of the sample in RAS order; None: the training set's spacing and centre, no tilt.
    """
    sides = _volume_shape(space)
    if affine is None:
        affine = np.diag([*space.spacing_mm, 1.0])
        affine[:3, 3] = space.centre_mm - affine[:3, :3] @ ((np.array(sides) - 1) / 2)
    turned = np.eye(4)
    turned[:, 3] = affine[:, 3]
    for voxel_axis, letter in enumerate(space.orientation):
        world = _world_axis(letter)
        turned[:, voxel_axis] = affine[:, world] * (1 if letter in "RAS" else -1)
        if letter not in "RAS":
            turned[:, 3] += affine[:, world] * (sides[world] - 1)
    i, j, k = (sides[_world_axis(letter)] for letter in space.orientation)
    return Grid((i, j, k), turned)


def turn(array: NDArray[Any], space: Space) -> NDArray[Any]:
    """Bring a sample (*S) from RAS order into the voxel axes of the outputs, (i, j, k)."""
    if space.spatial_dims == 2:
        array = np.expand_dims(array, space.slice_axis)
    axes = [_world_axis(letter) for letter in space.orientation]
    turned = array.transpose(axes)
    flipped = tuple(a for a, letter in enumerate(space.orientation) if letter not in "RAS")
    return np.ascontiguousarray(np.flip(turned, flipped))


def quantise(
    values: NDArray[np.float64], value_range: tuple[float, float]
) -> tuple[NDArray[np.int16], float, float]:
    """Return int16 stored values, slope and intercept.

    Whole physical values (slope 1) where these tell enough grey values apart and fit; else steps
    over the range. The scale depends on the model's range and not on the sample, so that
    all scans of one model share it.
    """
    low, high = value_range
    int16 = np.iinfo(np.int16)
    is_whole = low >= int16.min and high <= int16.max and high - low >= ENOUGH_GREYS
    slope, intercept = (1.0, 0.0) if is_whole else ((high - low) / N_STEPS, low)
    return np.rint((values - intercept) / slope).astype(np.int16), slope, intercept


def _volume_shape(space: Space) -> tuple[int, ...]:
    """Voxels along R, A and S; one slice in 2D."""
    if space.spatial_dims == 3:
        return space.shape
    before, after = space.shape[: space.slice_axis], space.shape[space.slice_axis :]
    return (*before, 1, *after)


def _world_axis(letter: str) -> int:
    return next(axis for axis, pair in enumerate(_LETTERS) if letter in pair)
