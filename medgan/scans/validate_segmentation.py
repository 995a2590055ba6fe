"""Re-read a DICOM segmentation through pydicom, and compare it with the labels it was made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import ValidationError
from medgan.scans.grid import Grid
from medgan.scans.plane_index import plane_index
from medgan.scans.reread import reading_back


def validate_segmentation(path: Path, labels: NDArray[np.integer], grid: Grid) -> None:
    """Prove that every label is in its segment, in its place, by the frames' own positions.

    Parameters
    ----------
    labels
        `(i, j, k)` on the grid; segments count its values upwards from 1, 0 left out.

    Raises
    ------
    ValidationError
        If the file cannot be read, or a voxel is not as it was meant.
    """
    values = [value for value in np.unique(labels).tolist() if value]
    found = np.zeros(labels.shape, dtype=labels.dtype)
    with reading_back(path):
        image = pydicom.dcmread(path)
        frames = image.pixel_array.reshape(-1, image.Rows, image.Columns)
        for pixels, own in zip(frames, image.PerFrameFunctionalGroupsSequence, strict=True):
            number = _value(image, own, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
            index = plane_index(grid, _plane(image, own)).index
            found[index] = np.where(pixels != 0, values[number - 1], found[index])
    if not np.array_equal(found, labels):
        raise ValidationError("labels are not as they were", where=path.name)


def _plane(image: Dataset, own: Dataset) -> Dataset:
    """Return the place of one frame as a single-frame image has it."""
    plane = Dataset()
    plane.Rows, plane.Columns = image.Rows, image.Columns
    for macro, keyword in (
        ("PlanePositionSequence", "ImagePositionPatient"),
        ("PlaneOrientationSequence", "ImageOrientationPatient"),
        ("PixelMeasuresSequence", "PixelSpacing"),
    ):
        setattr(plane, keyword, _value(image, own, macro, keyword))
    return plane


def _value(image: Dataset, own: Dataset, macro: str, keyword: str) -> Any:
    """Return what a functional group says of one frame: its own, else that of all frames."""
    groups = (own, image.SharedFunctionalGroupsSequence[0])
    group = next(group for group in groups if macro in group)
    return group[macro].value[0][keyword].value
