"""Re-read a DICOM series through pydicom, and compare it with the scan it was written from."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import ValidationError
from medgan.scans.dicom_parts import DISCLAIMER
from medgan.scans.grid import POSITION_MM
from medgan.scans.plane_index import plane_index
from medgan.scans.reread import reading_back
from medgan.scans.scan import Scan

PIXEL_DATA = 0x7FE00010

HALF_STEP = 0.51
"""Rounding to a step moves a value by half of it; the rest is for decimal texts of the rescale."""


@dataclass(frozen=True, eq=False)
class _Slice:
    """One re-read file: where it lies in the scan, and how far off."""

    path: Path
    image: Dataset
    position: int
    off_mm: float
    expected: NDArray[np.generic]
    as_source: bool
    made: NDArray[np.bool_] | None

    def pixels(self) -> NDArray[np.generic]:
        """Return the stored values, `(rows, columns)`."""
        try:
            values: NDArray[np.generic] = self.image.pixel_array
        except Exception as error:  # pydicom raises nearly anything on damaged files
            raise ValidationError("pixels cannot be read back", where=self.path.name) from error
        # Made voxels of a slice that is measured elsewhere are not proved.
        return values if self.made is None else np.where(self.made, self.expected, values)


def validate_dicom(files: Sequence[Path], scan: Scan) -> None:
    """Prove that every slice of the scan is in its file as it was, in its place, and marked.

    Slices that the scan does not have must be marked as synthetic.

    Raises
    ------
    ValidationError
        If a file cannot be read, or a value, place, rescale or mark is not as in the scan.
    """
    slices = [_checked(path, scan) for path in files]
    # Positions of measured slices are verbatim, so they may stray from the fitted grid; those that
    # lie in between stray no further.
    strays = max((one.off_mm for one in slices if one.as_source), default=0.0)
    for one in slices:
        if one.off_mm > POSITION_MM + strays:
            raise ValidationError(f"pixels are {one.off_mm:.4f} mm off", where=one.path.name)
    _check_series(slices, scan)


def _checked(path: Path, scan: Scan) -> _Slice:
    """Check one file by itself; what is left of it holds no pixels: all files are kept at once."""
    one = _read(path, scan)
    _check_marks(one, scan)
    if scan.present[one.position]:
        _check_values(one, scan)
    return replace(one, image=one.image[:PIXEL_DATA])


def _read(path: Path, scan: Scan) -> _Slice:
    with reading_back(path):
        image = pydicom.dcmread(path)
        plane = plane_index(scan.grid, image)
        position = plane.position_along(scan.axis)
    source = _source_position(scan, position)
    as_source = source is not None and scan.present[position]
    written = _numbers(image.ImagePositionPatient)
    if source is not None and as_source and np.abs(written - source).max() > POSITION_MM:
        raise ValidationError("its position is not that of its source", where=path.name)
    made = None if scan.region is None else scan.region[plane.index]
    return _Slice(path, image, position, plane.off_mm, scan.stored[plane.index], as_source, made)


def _source_position(scan: Scan, position: int) -> NDArray[np.float64] | None:
    """Image Position (Patient) of the file that a slice came from, None where there is none."""
    files = scan.source.files
    if scan.format != "dicom" or not files:
        return None
    path = files[0] if scan.source.frames else files[position]
    if path is None or not path.is_file():
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        image = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    if scan.source.frames:
        frame = scan.source.frames[position]
        if frame is None:
            return None
        shared = image.get("SharedFunctionalGroupsSequence") or [Dataset()]
        groups = (image.PerFrameFunctionalGroupsSequence[frame], shared[0])
        image = next(g.PlanePositionSequence[0] for g in groups if "PlanePositionSequence" in g)
    return _numbers(image.ImagePositionPatient)


def _numbers(values: Sequence[object]) -> NDArray[np.float64]:
    return np.array([float(str(value)) for value in values])


def _check_marks(one: _Slice, scan: Scan) -> None:
    image = one.image
    made = bool(scan.synthetic[one.position]) or not scan.present[one.position]
    wanted = {"SyntheticData": "YES" if made else "NO"}
    for keyword, value in wanted.items():
        if image.get(keyword) != value:
            raise ValidationError(
                f"slice {one.position}: {keyword} is {image.get(keyword)}, {value} meant",
                where=one.path.name,
            )
    if list(image.ImageType)[:2] != ["DERIVED", "SECONDARY"]:
        raise ValidationError("Image Type is not DERIVED SECONDARY", where=one.path.name)
    if DISCLAIMER not in str(image.get("DerivationDescription", "")).lower():
        raise ValidationError("the derivation lacks its disclaimer", where=one.path.name)


def _check_values(one: _Slice, scan: Scan) -> None:
    pixels = one.pixels()
    slope = float(one.image.get("RescaleSlope", 1))
    intercept = float(one.image.get("RescaleIntercept", 0))
    wanted = float(scan.slope[one.position]), float(scan.intercept[one.position])
    same_scaling = bool(np.allclose((slope, intercept), wanted, rtol=1e-6, atol=1e-9))
    if same_scaling and np.array_equal(pixels, one.expected):
        return
    if scan.format == "dicom" and scan.source.files:
        what = "values are not as they were" if same_scaling else "rescale is not as it was"
        raise ValidationError(f"slice {one.position}: {what}", where=one.path.name)
    physical = one.expected.astype(np.float64) * wanted[0] + wanted[1]
    finite = np.isfinite(physical)
    # Made voxels hold what is expected, be it no number.
    is_marked = ~np.isfinite(pixels) | (pixels == one.image.get("PixelPaddingValue"))
    if not finite.all() and not np.array_equal(is_marked, ~finite):
        raise ValidationError(
            f"slice {one.position}: voxels that are no numbers are not marked as padding",
            where=one.path.name,
        )
    off = np.abs(pixels.astype(np.float64) * slope + intercept - physical)[finite].max(initial=0)
    if off > HALF_STEP * slope + 1e-6 * np.abs(physical[finite]).max(initial=0):
        raise ValidationError(
            f"slice {one.position}: values are up to {off:.3g} off", where=one.path.name
        )


def _check_series(slices: Sequence[_Slice], scan: Scan) -> None:
    where = slices[0].path.parent.name if slices else scan.id
    found = sorted(one.position for one in slices)
    if len(set(found)) != len(found) or not set(np.flatnonzero(scan.present)) <= set(found):
        raise ValidationError("slices are lacking, or lie at one position", where=where)
    if len({one.image.SOPInstanceUID for one in slices}) != len(slices):
        raise ValidationError("two slices share a SOP Instance UID", where=where)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID", "PatientID"):
        if len({str(one.image.get(keyword)) for one in slices}) != 1:
            raise ValidationError(f"{keyword} differs within the series", where=where)
    normal = np.cross(*_numbers(slices[0].image.ImageOrientationPatient).reshape(2, 3))
    along = [
        float(_numbers(one.image.ImagePositionPatient) @ normal)
        for one in sorted(slices, key=lambda one: int(one.image.InstanceNumber))
    ]
    if (np.diff(along) <= 0).any():
        raise ValidationError("instance numbers do not ascend in space", where=where)
