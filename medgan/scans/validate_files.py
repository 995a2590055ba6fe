"""Compare the files of one scan with its sidecar alone: nothing else has to be at hand."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import MedganError
from medgan.record import ScanRecord
from medgan.scans.atomic import sha256_of
from medgan.scans.dicom_header import SEGMENTATION
from medgan.scans.dicom_virtual import QUANTISED
from medgan.scans.grid import POSITION_MM, Grid, corner_distance
from medgan.scans.nifti import LABEL_INTENT
from medgan.scans.nifti_write import LABELS_TEXT, MASK_TEXT, MISSING_TEXT
from medgan.scans.plane_index import plane_index
from medgan.scans.scan import stored_hash
from medgan.scans.sidecars import is_below


@dataclass
class FileCheck:
    """What came of one scan.

    Parameters
    ----------
    measured
        Measured slices that were compared by hash, each once for every file format.
    made
        Slices that are marked as made, counted alike.
    faults
        What is not as it was meant, each with the file.
    """

    measured: int = 0
    made: int = 0
    faults: list[str] = field(default_factory=list)

    def fault(self, name: str, what: str) -> None:
        """Add a fault of one file."""
        self.faults.append(f"{name}: {what}")


def validate_files(record: ScanRecord, out: Path) -> FileCheck:
    """Compare every output of a scan with what its record says of it; never raises."""
    found = FileCheck()
    there = [name for name in record.outputs if _is_as_written(name, record, out, found)]
    for name in there:
        if name.lower().endswith((".nii", ".nii.gz")):
            _check_volume_file(name, record, out, found)
    if record.affine:
        for names in series_of(record, there).values():
            _check_series(names, record, out, found)
    return found


def series_of(record: ScanRecord, names: Sequence[str]) -> dict[str, list[str]]:
    """Return the DICOM files among some outputs of a record, by folder.

    The record of one volume of a 4D scan names the series of all; its own is called like it.
    """
    series: dict[str, list[str]] = defaultdict(list)
    for name in names:
        if name.lower().endswith(".dcm"):
            series[name.rpartition("/")[0]].append(name)
    own = {folder: files for folder, files in series.items() if folder == record.id}
    return own if own and record.volume is not None else dict(series)


def _is_as_written(name: str, record: ScanRecord, out: Path, found: FileCheck) -> bool:
    """Check that a file is there with the bytes it was written with; says whether to look in."""
    path = out / name
    if not is_below(name):
        found.fault(name, "lies outside of the folder")
        return False
    if not path.is_file():
        found.fault(name, "is missing")
        return False
    told = record.output_hashes.get(name)
    if told is not None and sha256_of(path) != told:
        found.fault(name, "was changed since it was written")
    return True


# Volume files


def _check_volume_file(name: str, record: ScanRecord, out: Path, found: FileCheck) -> None:
    try:
        image: Any = nib.load(out / name)
        raw = np.asanyarray(image.dataobj.get_unscaled())
    except Exception as error:  # nibabel raises nearly anything on damaged files
        found.fault(name, f"cannot be read back ({type(error).__name__})")
        return
    if record.volume is not None and raw.ndim == 4 and record.volume < raw.shape[3]:
        raw = raw[..., record.volume]
    if not record.affine:
        return
    if raw.shape != record.shape:
        found.fault(name, f"has shape {raw.shape}, {record.shape} meant")
        return
    off = corner_distance(image.affine, np.array(record.affine), record.shape)
    if off > POSITION_MM:
        found.fault(name, f"its voxels lie up to {off:.4g} mm from where they were")
    slabs = np.moveaxis(raw, record.axis, 0)
    text = bytes(image.header["descrip"]).decode("ascii", "replace")
    is_label = int(image.header["intent_code"]) == LABEL_INTENT
    if is_label and text.startswith(MISSING_TEXT):
        _check_flags(name, slabs, _gaps(record), found)
    elif is_label and text.startswith(MASK_TEXT):
        _check_mask(name, slabs, record, found)
    elif not text.startswith(LABELS_TEXT):
        found.made += len(record.synthetic)
        _check_hashes(name, slabs, record, found)


def _check_hashes(
    name: str, slabs: NDArray[np.generic], record: ScanRecord, found: FileCheck
) -> None:
    """Compare measured slices by hash; values that were converted on writing have none."""
    if slabs.dtype.newbyteorder("=").name != record.stored_type:
        return
    for position, told in _hashes(record):
        _compare(name, slabs[position], position, told, found)


def _check_mask(
    name: str, slabs: NDArray[np.generic], record: ScanRecord, found: FileCheck
) -> None:
    if not record.regions:
        _check_flags(name, slabs, frozenset(record.synthetic), found)
        return
    outside = [p for p in range(len(slabs)) if p not in record.synthetic and slabs[p].any()]
    if outside:
        found.fault(name, f"marks slices {outside}, which were measured")
    if np.count_nonzero(slabs) < sum(region.n_voxels for region in record.regions):
        found.fault(name, "marks fewer voxels than were made")


def _check_flags(
    name: str, slabs: NDArray[np.generic], marked: frozenset[int], found: FileCheck
) -> None:
    """Check a mask of whole slices."""
    wrong = [p for p, slab in enumerate(slabs) if (slab != (1 if p in marked else 0)).any()]
    if wrong:
        found.fault(name, f"the mask of slices {wrong} is wrong")


# DICOM


def _check_series(names: Sequence[str], record: ScanRecord, out: Path, found: FileCheck) -> None:
    """Check place, mark and values of every slice of a series, and that all are there."""
    i, j, k = record.shape
    grid = Grid((i, j, k), np.array(record.affine))
    seen: dict[int, str] = {}
    is_series = False
    for name, image in _images(names, out, found):
        is_series = True
        try:
            plane = plane_index(grid, image)
            position = plane.position_along(record.axis)
            pixels = image.pixel_array
        except MedganError as error:
            found.fault(name, error.what)
            continue
        except Exception as error:  # pydicom raises nearly anything on damaged files
            found.fault(name, f"cannot be read back ({type(error).__name__})")
            continue
        if position in seen:
            found.fault(name, f"lies where {seen[position]} lies, at position {position}")
        seen[position] = name
        _check_mark(name, image, position, record, found)
        told = dict(_hashes(record)).get(position)
        if told is not None and QUANTISED not in str(image.get("DerivationDescription", "")):
            _compare(name, _turned(pixels, plane.index, record), position, told, found)
    lost = sorted(set(range(record.shape[record.axis])) - _gaps(record) - seen.keys())
    if is_series and lost:
        found.fault(names[0].rpartition("/")[0] or names[0], f"no slice at positions {lost}")


def _images(names: Sequence[str], out: Path, found: FileCheck) -> Iterator[tuple[str, Dataset]]:
    for name in names:
        try:
            image = pydicom.dcmread(out / name)
            sop_class = str(image.file_meta.get("MediaStorageSOPClassUID", ""))
        except Exception as error:  # pydicom raises nearly anything on damaged files
            found.fault(name, f"cannot be read back ({type(error).__name__})")
            continue
        if sop_class != SEGMENTATION:
            yield name, image


def _check_mark(
    name: str, image: Dataset, position: int, record: ScanRecord, found: FileCheck
) -> None:
    is_made = record.status == "synthetic" or position in record.synthetic
    meant = "YES" if is_made else "NO"
    said = str(image.get("SyntheticData", "") or "not there")
    if said != meant:
        found.fault(name, f"Synthetic Data (0008,001C) is {said}, {meant} meant")
    found.made += is_made


def _turned(
    pixels: NDArray[np.generic], index: tuple[NDArray[np.intp], ...], record: ScanRecord
) -> NDArray[np.generic]:
    """Turn an image plane into the slice of the volume that it was cut from."""
    rest = tuple(axis for axis in range(3) if axis != record.axis)
    plane = np.zeros([record.shape[axis] for axis in rest], dtype=record.stored_type or "u2")
    first, second = (np.broadcast_to(index[axis], pixels.shape) for axis in rest)
    plane[first, second] = pixels
    return plane


# Both


def _hashes(record: ScanRecord) -> list[tuple[int, str]]:
    n = record.shape[record.axis] if record.shape else 0
    numbered = [(int(p), told) for p, told in record.measured_hashes.items() if p.isdecimal()]
    return sorted((p, told) for p, told in numbered if p < n)


def _gaps(record: ScanRecord) -> frozenset[int]:
    """Return positions that were missing and are so still."""
    return frozenset(record.missing) - {made.position for made in record.filled}


def _compare(
    name: str, values: NDArray[np.generic], position: int, told: str, found: FileCheck
) -> None:
    found.measured += 1
    if stored_hash(values) != told:
        found.fault(name, f"measured slice {position} is not as it was")
