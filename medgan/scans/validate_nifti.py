"""Re-read NIfTI through nibabel, and compare it with the scan it was written from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.fileslice import fileslice
from numpy.typing import NDArray

from medgan.errors import ValidationError
from medgan.scans.grid import POSITION_MM, corner_distance
from medgan.scans.nifti import LABEL_INTENT
from medgan.scans.nifti_write import LABELS_TEXT, MISSING_TEXT
from medgan.scans.reread import reading_back
from medgan.scans.scan import Scan, stored_bytes

SCALING = 1e-6
"""NIfTI-1 holds scaling in single precision."""

PART_VOXELS = 1 << 23
"""Voxels that are read at once, about."""


@dataclass(frozen=True, eq=False)
class _Part:
    """A part of a file along its last axis, beside the scan it was written from.

    Parameters
    ----------
    raw
        `(i, j, k)` stored values, k within `where`.
    """

    raw: NDArray[np.generic]
    where: slice
    scan: Scan
    path: Path

    def meant(self, array: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return the same part of an array `(i, j, k)` of the scan; a view."""
        return array[..., self.where]

    def slices(self, *arrays: NDArray[np.generic]) -> Iterator[tuple[Any, ...]]:
        """Yield each position with what these parts hold of its slice."""
        axis = self.scan.axis
        first = self.where.start if axis == 2 else 0
        return (
            (first + n, *slabs)
            for n, slabs in enumerate(
                zip(*(np.moveaxis(array, axis, 0) for array in arrays), strict=True)
            )
        )

    def fault(self, what: str) -> ValidationError:
        return ValidationError(what, where=self.path.name)


def validate_nifti(path: Path, scan: Scan) -> None:
    """Prove that every slice of the scan is in the file as it was, in its place.

    Slices that the scan does not have may hold anything. A mask must be 1 in synthetic slices and 0
    in measured ones, one of missing slices 1 in those; a label map must hold the scan's own labels.

    Raises
    ------
    ValidationError
        If the file cannot be read, or a value, a place or the scaling is not as in the scan.
    """
    with reading_back(path):
        image: Any = nib.load(path)
    if image.shape[:3] != scan.stored.shape:
        raise ValidationError(
            f"shape {image.shape[:3]}, {scan.stored.shape} meant", where=path.name
        )
    _check_world(image, scan, path)
    check = _check_of(image, scan, path)
    for part in _parts(image, scan, path):
        check(part)


def _check_of(image: Any, scan: Scan, path: Path) -> Callable[[_Part], None]:
    """Choose what is compared by what the header says the file is."""
    text = bytes(image.header["descrip"]).decode("ascii", "replace")
    is_label = int(image.header["intent_code"]) == LABEL_INTENT
    if is_label and text.startswith(LABELS_TEXT):
        return _check_labels
    if text.startswith(MISSING_TEXT):
        return _check_missing
    if is_label:
        return _check_mask
    if image.dataobj.dtype.newbyteorder("=") == scan.stored.dtype:
        _check_scaling(image, scan, path)
        return _check_stored
    if image.dataobj.dtype.newbyteorder("=") != np.float32:
        raise ValidationError(
            f"type {image.dataobj.dtype}, {scan.stored.dtype} meant", where=path.name
        )
    return _check_physical


def _parts(image: Any, scan: Scan, path: Path) -> Iterator[_Part]:
    """Read the values by nibabel, as stored, a part at a time: a large file is never held whole."""
    proxy = image.dataobj
    i, j, n = proxy.shape[:3]
    step = max(1, PART_VOXELS // (i * j))
    volume = (scan.source.volume or 0,) if len(proxy.shape) > 3 else ()
    with reading_back(path), image.file_map["image"].get_prepare_fileobj("rb") as file:
        for start in range(0, n, step):
            where = slice(start, min(start + step, n))
            index = (slice(None), slice(None), where, *volume)
            raw = fileslice(file, index, proxy.shape, proxy.dtype, proxy.offset, order="F")
            yield _Part(raw, where, scan, path)


def _check_world(image: Any, scan: Scan, path: Path) -> None:
    sform, sform_code = image.get_sform(coded=True)
    qform, qform_code = image.get_qform(coded=True)
    if not sform_code or int(image.header["xyzt_units"]) & 7 != 2:
        raise ValidationError("sform code or millimetres are not set", where=path.name)
    transforms = [sform] + ([qform] if qform_code else [])
    for transform in transforms:
        off = corner_distance(transform, scan.affine, scan.grid.shape)
        if off > POSITION_MM:
            raise ValidationError(f"voxels are up to {off:.4f} mm off", where=path.name)


def _check_scaling(image: Any, scan: Scan, path: Path) -> None:
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    meant = scan.slope[scan.present], scan.intercept[scan.present]
    for value, wanted in zip((slope, intercept), meant, strict=True):
        if not np.allclose(wanted, value, rtol=SCALING, atol=SCALING):
            raise ValidationError(f"scaling {slope}, {intercept} is not as meant", where=path.name)


def _check_stored(part: _Part) -> None:
    meant = part.meant(part.scan.stored)
    for position, written, wanted in part.slices(_outside_region(part, meant), meant):
        if part.scan.present[position] and stored_bytes(written) != stored_bytes(wanted):
            raise part.fault(f"slice {position} is not as it was")


def _check_physical(part: _Part) -> None:
    """Check float32 physical values, as written where one scaling does not fit all slices."""
    meant = np.asarray(part.scan.physical[..., part.where])
    for position, written, wanted in part.slices(_outside_region(part, meant), meant):
        if part.scan.present[position] and not np.array_equal(written, wanted, equal_nan=True):
            raise part.fault(f"slice {position} is not as it was")


def _check_mask(part: _Part) -> None:
    meant = part.meant(part.scan.made_voxels)
    for position, written, wanted in part.slices(part.raw, meant):
        if part.scan.present[position] and (written != wanted).any():
            raise part.fault(f"the mask of slice {position} is wrong")


def _check_missing(part: _Part) -> None:
    for position, written in part.slices(part.raw):
        if (written != (0 if part.scan.present[position] else 1)).any():
            raise part.fault(f"the mask of slice {position} is wrong")


def _check_labels(part: _Part) -> None:
    if not np.array_equal(part.raw, np.rint(np.asarray(part.scan.physical[..., part.where]))):
        raise part.fault("labels are not as they were")


def _outside_region(part: _Part, meant: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return what was read, voxels of the scan's region as meant: only the rest is proved."""
    region = part.scan.region
    return part.raw if region is None else np.where(part.meant(region), meant, part.raw)
