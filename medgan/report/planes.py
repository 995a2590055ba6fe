"""Planes of a volume as a radiologist holds them: which way is up, and how large a pixel is.

Axial slices show anterior at the top and the patient's right on the left; coronal and sagittal
ones show the head at the top. The letters at the edges say so in the picture itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.scans import PhysicalView

UPRIGHT = "LPI"
"""Where the axes of an upright volume point: columns to the patient's left or back, rows down."""

OPPOSITE = dict(zip("LRPAIS", "RLAPSI", strict=True))
VIEW_NAMES = ("sagittal", "coronal", "axial")
CT_AIR_HU = -900.0
MAX_SAMPLE = 500_000

Values = NDArray[np.floating] | PhysicalView
"""Physical values, in memory or derived where they are looked at."""


@dataclass(frozen=True, eq=False)
class Volume:
    """A volume and what is known of its slices, in one order of axes.

    Parameters
    ----------
    values
        `(a, b, c)` physical values; NaN where there is no slice.
    present, synthetic
        (n,) bool along `axis`: there is a slice; it was made by a program.
    orientation
        Three letters, where the axes point; empty where that is not known.
    """

    values: Values
    present: NDArray[np.bool_]
    synthetic: NDArray[np.bool_]
    axis: int
    spacing_mm: tuple[float, float, float]
    orientation: str = ""

    @classmethod
    def of(
        cls,
        values: Values,
        synthetic: NDArray[np.bool_],
        axis: int,
        spacing_mm: tuple[float, float, float],
        orientation: str,
    ) -> Self:
        """Make one from values alone: a slice without a single number is not present."""
        slabs = (_slab(values, axis, position) for position in range(values.shape[axis]))
        present = np.array([bool(np.isfinite(slab).any()) for slab in slabs])
        return cls(values, present, synthetic & present, axis, spacing_mm, orientation)


@dataclass(frozen=True, eq=False)
class View:
    """One plane, rows downwards and columns to the right.

    Parameters
    ----------
    plane
        (rows, columns) physical values.
    pixel_mm
        Height and width of a pixel.
    missing, synthetic
        (n,) bool along the slice axis; one element for a view along that axis.
    slices_run
        0 if slices are rows of this view, 1 if they are columns, None if the view is a slice.
    letters
        Patient directions at the left, right, top and bottom edge; empty where not known.
    """

    name: str
    plane: NDArray[np.floating]
    pixel_mm: tuple[float, float]
    missing: NDArray[np.bool_]
    synthetic: NDArray[np.bool_]
    slices_run: int | None
    letters: tuple[str, str, str, str]


def upright(volume: Volume) -> Volume:
    """Turn and mirror the axes of a volume so that it points to `UPRIGHT`.

    A volume whose orientation is not known comes back as it is.
    """
    if sorted(_axis_kind(letter) for letter in volume.orientation) != [0, 1, 2]:
        return replace(volume, orientation="")
    order = [
        next(a for a, letter in enumerate(volume.orientation) if _axis_kind(letter) == target)
        for target in range(3)
    ]
    values = volume.values.transpose(order)
    turned = [t for t, s in enumerate(order) if volume.orientation[s] != UPRIGHT[t]]
    mirror = tuple(slice(None, None, -1 if a in turned else 1) for a in range(3))
    axis = order.index(volume.axis)
    step = -1 if axis in turned else 1
    a, b, c = (volume.spacing_mm[source] for source in order)
    return Volume(
        values=values[mirror],
        present=volume.present[::step],
        synthetic=volume.synthetic[::step],
        axis=axis,
        spacing_mm=(a, b, c),
        orientation=UPRIGHT,
    )


def _axis_kind(letter: str) -> int:
    """0 for left-right, 1 for front-back, 2 for head-feet, -1 for anything else."""
    pair = {"L": 0, "R": 0, "P": 1, "A": 1, "I": 2, "S": 2}
    return pair.get(letter, -1)


def three_views(volume: Volume, centre: Sequence[int]) -> tuple[View, View, View]:
    """Cut an upright volume at one voxel: the slice itself first, then the two planes across."""
    across = [a for a in (2, 1, 0) if a != volume.axis]
    first, second, third = (cut(volume, along, centre[along]) for along in (volume.axis, *across))
    return first, second, third


def cut(volume: Volume, along: int, index: int) -> View:
    """Take one plane of an upright volume, perpendicular to axis `along`."""
    columns_axis, rows_axis = (a for a in range(3) if a != along)
    plane = _slab(volume.values, along, index).T
    missing, synthetic = ~volume.present, volume.synthetic
    slices_run = {rows_axis: 0, columns_axis: 1}.get(volume.axis)
    if slices_run is None:
        missing, synthetic = missing[index : index + 1], synthetic[index : index + 1]
    return View(
        name=VIEW_NAMES[along] if volume.orientation else f"across axis {along}",
        plane=plane,
        pixel_mm=(volume.spacing_mm[rows_axis], volume.spacing_mm[columns_axis]),
        missing=missing,
        synthetic=synthetic,
        slices_run=slices_run,
        letters=_edge_letters(volume.orientation, rows_axis, columns_axis),
    )


def _edge_letters(orientation: str, rows_axis: int, columns_axis: int) -> tuple[str, str, str, str]:
    if not orientation:
        return ("", "", "", "")
    right, bottom = orientation[columns_axis], orientation[rows_axis]
    return (OPPOSITE[right], right, OPPOSITE[bottom], bottom)


def _slab(values: Values, axis: int, position: int) -> NDArray[np.floating]:
    return np.asarray(values[(slice(None),) * axis + (position,)])


def grey_window(
    values: Values, modality: str = "", among: tuple[int, NDArray[np.integer]] | None = None
) -> tuple[float, float]:
    """Black and white point: percentiles 0.5 and 99.5 of the finite values.

    In CT, air and what lies outside the field of view (below `CT_AIR_HU`) do not count: padding
    far below air would leave the body in one tone.

    Parameters
    ----------
    among
        An axis, and the positions along it that count; None: all.
    """
    sample = _thinned(values, among)
    finite = sample[np.isfinite(sample)]
    body = finite[finite > CT_AIR_HU] if modality == "ct" else finite
    if body.size == 0:
        return 0.0, 1.0
    low, high = (float(v) for v in np.percentile(body, [0.5, 99.5]))
    return (low, high) if high > low else (low, low + 1.0)


def grey(plane: NDArray[np.floating], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Map values to 0..255 through a window; what is not a number becomes black."""
    low, high = window
    share = np.clip((np.nan_to_num(plane, nan=low) - low) / (high - low), 0, 1)
    levels: NDArray[np.uint8] = np.rint(share * 255).astype(np.uint8)
    return levels


def centre_of_content(volume: Volume, position: int) -> tuple[int, int, int]:
    """Voxel to cut at: `position` along the slice axis, the centre of brightness along the others.

    A crop with the head in one corner would show air if it were cut in its middle.
    """
    sample = _thinned(volume.values)
    share = grey(sample, grey_window(sample)).astype(np.float64)
    centre = []
    for along in range(3):
        weight = share.sum(axis=tuple(a for a in range(3) if a != along))
        size, total = volume.values.shape[along], weight.sum()
        middle = (weight @ np.arange(weight.size)) / total if total else (weight.size - 1) / 2
        # The centre of sample n is voxel (n + 0.5) * size / n_samples - 0.5.
        voxel = (float(middle) + 0.5) * size / weight.size - 0.5
        centre.append(int(np.clip(round(voxel), 0, size - 1)))
    centre[volume.axis] = position
    return centre[0], centre[1], centre[2]


def _thinned(
    values: Values, among: tuple[int, NDArray[np.integer]] | None = None
) -> NDArray[np.floating]:
    """Every n-th voxel along each axis, about `MAX_SAMPLE` at most: enough for a window."""
    axis, positions = among or (0, np.arange(values.shape[0]))
    size = values.size // values.shape[axis] * positions.size
    step = max(1, int(np.ceil((size / MAX_SAMPLE) ** (1 / values.ndim))))
    index: list[slice | NDArray[np.integer]] = [slice(None, None, step)] * values.ndim
    index[axis] = positions[::step]
    return np.asarray(values[tuple(index)])
