"""Tell label maps from images: by name, by place, by their values."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.scans.names import stem_of

FEW_VALUES = 20
MANY_VALUES = 256
FLAT_SHARE = 0.7

_STEM = re.compile(r"(^label.*|.*[_.-](mask|seg|dseg|label|labels)$|^(mask|seg|segmentation)$)")
_FOLDER = re.compile(r"^(labels.*|masks|segmentations)$")


def is_named_label(path: Path, base: Path) -> bool:
    """Whether a file is named `label*`, `*_mask`, `*_seg`, ... or lies in a `labels*` folder.

    Parameters
    ----------
    base
        Folder the person named: those above it do not count.
    """
    if _STEM.match(stem_of(path).lower()):
        return True
    inside = path.parent.relative_to(base).parts if path.is_relative_to(base) else ()
    return any(_FOLDER.match(part.lower()) for part in (*inside, *base.parts[-1:]))


def has_label_values(volume: NDArray[np.generic]) -> bool:
    """Whether values (i, j, k) look like labels: whole numbers, few of them, or in flat regions.

    Up to 20 different whole numbers in 0..255 are labels, and so are any two. Up to 256 are, if
    they start at 0 and most labelled voxels equal their neighbour along every axis, which those of
    an 8-bit image do not.
    """
    sample = volume if volume.size <= 1 << 18 else volume[::2, ::2, ::2]
    if sample.dtype.kind == "f":
        finite = sample[np.isfinite(sample)]
        if finite.size < sample.size or (finite != np.rint(finite)).any():
            return False
    values = np.unique(sample)
    if values.size <= FEW_VALUES:
        return bool(values.size == 2 or (values[0] >= 0 and values[-1] <= 255))
    if values.size > MANY_VALUES or values[0] != 0:
        return False
    return all(_flat_share(volume, axis) >= FLAT_SHARE for axis in range(3))


def _flat_share(volume: NDArray[np.generic], axis: int) -> float:
    """Share of labelled voxels that equal the next voxel along an axis."""
    moved = np.moveaxis(volume, axis, 0)
    here, following = moved[:-1], moved[1:]
    labelled = (here != 0) & (following != 0)
    n_labelled = int(np.count_nonzero(labelled))
    return (
        float(np.count_nonzero(labelled & (here == following)) / n_labelled) if n_labelled else 0.0
    )
