"""Re-read NIfTI through nibabel, and compare it with the scan it was written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medgan.errors import ValidationError
from medgan.scans.grid import POSITION_MM, corner_distance
from medgan.scans.nifti import LABEL_INTENT
from medgan.scans.nifti_write import LABELS_TEXT, MISSING_TEXT
from medgan.scans.reread import reading_back
from medgan.scans.scan import Scan, stored_hash

SCALING = 1e-6
"""NIfTI-1 holds scaling in single precision."""


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
        raw = np.asanyarray(image.dataobj.get_unscaled())
    if raw.ndim == 4:
        raw = raw[..., scan.source.volume or 0]
    if raw.shape != scan.stored.shape:
        raise ValidationError(f"shape {raw.shape}, {scan.stored.shape} meant", where=path.name)
    _check_world(image, scan, path)
    text = bytes(image.header["descrip"]).decode("ascii", "replace")
    if int(image.header["intent_code"]) == LABEL_INTENT and text.startswith(LABELS_TEXT):
        _check_labels(raw, scan, path)
    elif text.startswith(MISSING_TEXT):
        _check_missing(raw, scan, path)
    elif int(image.header["intent_code"]) == LABEL_INTENT:
        _check_mask(raw, scan, path)
    elif raw.dtype == scan.stored.dtype:
        _check_stored(raw, image, scan, path)
    else:
        _check_physical(raw, scan, path)


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


def _check_stored(raw: NDArray[np.generic], image: Any, scan: Scan, path: Path) -> None:
    slabs = np.moveaxis(_with_region_of(scan, raw, scan.stored), scan.axis, 0)
    for position in np.flatnonzero(scan.present).tolist():
        if stored_hash(slabs[position]) != scan.slice_hash(position):
            raise ValidationError(f"slice {position} is not as it was", where=path.name)
    slope, intercept = image.dataobj.slope, image.dataobj.inter
    meant = scan.slope[scan.present], scan.intercept[scan.present]
    for value, wanted in zip((slope, intercept), meant, strict=True):
        if not np.allclose(wanted, value, rtol=SCALING, atol=SCALING):
            raise ValidationError(f"scaling {slope}, {intercept} is not as meant", where=path.name)


def _check_physical(raw: NDArray[np.generic], scan: Scan, path: Path) -> None:
    """Check float32 physical values, as written where one scaling does not fit all slices."""
    if raw.dtype != np.float32:
        raise ValidationError(f"type {raw.dtype}, {scan.stored.dtype} meant", where=path.name)
    values = scan.values
    raw = _with_region_of(scan, raw, values)
    written, meant = (np.moveaxis(array, scan.axis, 0) for array in (raw, values))
    for position in np.flatnonzero(scan.present).tolist():
        if not np.array_equal(written[position], meant[position], equal_nan=True):
            raise ValidationError(f"slice {position} is not as it was", where=path.name)


def _check_mask(raw: NDArray[np.generic], scan: Scan, path: Path) -> None:
    slabs, made = (np.moveaxis(array, scan.axis, 0) for array in (raw, scan.made_voxels))
    for position in np.flatnonzero(scan.present).tolist():
        if (slabs[position] != made[position]).any():
            raise ValidationError(f"the mask of slice {position} is wrong", where=path.name)


def _check_missing(raw: NDArray[np.generic], scan: Scan, path: Path) -> None:
    slabs = np.moveaxis(raw, scan.axis, 0)
    for position, is_there in enumerate(scan.present.tolist()):
        if (slabs[position] != (0 if is_there else 1)).any():
            raise ValidationError(f"the mask of slice {position} is wrong", where=path.name)


def _check_labels(raw: NDArray[np.generic], scan: Scan, path: Path) -> None:
    if not np.array_equal(raw, np.rint(scan.values)):
        raise ValidationError("labels are not as they were", where=path.name)


def _with_region_of(
    scan: Scan, raw: NDArray[np.generic], meant: NDArray[np.generic]
) -> NDArray[np.generic]:
    """Return the array with the voxels of the scan's region as meant: only the rest is proved."""
    return raw if scan.region is None else np.where(scan.region, meant, raw)
