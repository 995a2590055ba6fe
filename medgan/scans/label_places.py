"""Which image a label map was drawn on, and its labels on that image's voxels."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np
import pydicom
from numpy.typing import NDArray

from medgan.errors import SeriesError
from medgan.scans.grid import Grid, corner_distance
from medgan.scans.listing import Found
from medgan.scans.roles import is_further_channel, without_role

OFF_MM = 0.01
"""How far corners may differ: both files come from one grid, with rounded headers."""

_OFF_VOXEL = 0.05


def image_of(label: Found, images: Sequence[Found]) -> Found | None:
    """Find the image that a label map belongs to; None where that is not certain.

    A DICOM segmentation names its series. A volume file belongs to an image on its very grid: to
    the only one there is, else to the one of its name without what says image or label.
    """
    if label.format == "dicom":
        named = _named_series(label)
        fitting = [image for image in images if image.source.series_uid in named]
        return fitting[0] if len(fitting) == 1 else None
    fitting = [image for image in images if _is_on_grid(label.grid, image.grid)]
    if len(fitting) > 1:
        own = without_role(PurePosixPath(label.id))
        fitting = [image for image in fitting if _is_called(own, PurePosixPath(image.id))]
    return fitting[0] if len(fitting) == 1 else None


def labels_on(labels: NDArray[np.integer], grid: Grid, other: Grid) -> NDArray[np.integer]:
    """Carry labels over to another grid with the same voxels, which may be larger or turned round.

    Raises
    ------
    SeriesError
        If a label would lie between voxels, or outside.
    """
    index = np.argwhere(labels)
    to_other = np.linalg.solve(other.affine, grid.affine)
    exact = index @ to_other[:3, :3].T + to_other[:3, 3]
    whole = np.rint(exact).astype(np.intp)
    moved = np.zeros(other.shape, dtype=labels.dtype)
    if len(index):
        outside = (whole < 0).any() or (whole >= np.array(other.shape)).any()
        if outside or np.abs(exact - whole).max() > _OFF_VOXEL:
            raise SeriesError(
                "labels do not lie on the voxels of their image",
                hint="Write them as NIfTI (--format nifti), which needs no image.",
            )
        moved[tuple(whole.T)] = labels[tuple(index.T)]
    return moved


def _is_on_grid(one: Grid, other: Grid) -> bool:
    same = one.shape == other.shape
    return same and corner_distance(one.affine, other.affine, one.shape) <= OFF_MM


def _named_series(label: Found) -> set[str]:
    path = label.source.files[0]
    if path is None:
        return set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    items = header.get("ReferencedSeriesSequence") or []
    return {str(item.get("SeriesInstanceUID", "")) for item in items} - {""}


def _is_called(key: tuple[str, ...], image: PurePosixPath) -> bool:
    return without_role(image) == key and not is_further_channel(image)
