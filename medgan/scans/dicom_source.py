"""Headers of the slices a scan came from, flat: a frame of an enhanced object looks like a slice.

Only what the allow-list names is kept, so a thousand of them fit in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import ReadError
from medgan.scans import dicom_allow as allow
from medgan.scans.dicom_header import read_planes
from medgan.scans.dicom_pixels import read_stored
from medgan.scans.listing import LIST_AGAIN
from medgan.scans.planes import Plane
from medgan.scans.scan import Scan

CLASSIC = {
    "1.2.840.10008.5.1.4.1.1.2.1": "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.2": "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.4.1": "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.4.4": "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.130": "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.128.1": "1.2.840.10008.5.1.4.1.1.128",
}
"""Enhanced and legacy-converted classes -> the single-frame class their frames are written as."""

_EQUIPMENT = ("Manufacturer", "ManufacturerModelName", "SoftwareVersions")
_OTHERS = (
    *("ImageType", "Modality", "SeriesNumber", "SpacingBetweenSlices", "LossyImageCompression"),
    *("PixelPaddingRangeLimit", "RadiopharmaceuticalInformationSequence"),
    "PatientOrientationCodeSequence",
)
_MACROS = (
    "PixelMeasuresSequence",
    "PlanePositionSequence",
    "PlaneOrientationSequence",
    "FrameVOILUTSequence",
    "PixelValueTransformationSequence",
    "MRTimingAndRelatedParametersSequence",
    "CTXRayDetailsSequence",
)
_ECHO_PULSE = {"SPIN": "SE", "GRADIENT": "GR", "BOTH": "SE"}
_LOSSY_SYNTAXES = {
    "1.2.840.10008.1.2.4.50",
    "1.2.840.10008.1.2.4.51",
    "1.2.840.10008.1.2.4.81",
}


@dataclass(frozen=True, eq=False)
class SourceSlice:
    """One measured slice: its place in the scan, its plane, and its header without the rest."""

    position: int
    plane: Plane
    header: Dataset

    @property
    def sop_class(self) -> str:
        return self.plane.header.sop_class

    @property
    def is_lossy(self) -> bool:
        """Whether the pixels were lossily compressed at any time."""
        said = str(self.header.get("LossyImageCompression", ""))
        return said == "01" or self.plane.header.pixels.transfer_syntax in _LOSSY_SYNTAXES

    def pixels(self) -> NDArray[np.generic]:
        """Read the stored values, `(rows, columns)`."""
        (values,) = read_stored(self.plane.header, [self.plane.frame or 0])
        return values


def is_from_dicom(scan: Scan) -> bool:
    """Whether there are DICOM files behind a scan."""
    return scan.format == "dicom" and any(file is not None for file in scan.source.files)


def source_slices(scan: Scan) -> list[SourceSlice]:
    """Read the header of every slice that a DICOM scan was read from, in order of position.

    Raises
    ------
    ReadError
        If a file has gone or changed since.
    """
    if scan.source.frames:
        path = scan.source.files[0]
        assert path is not None  # `is_from_dicom`
        return list(_from_frames(path, scan.source.frames))
    return [
        SourceSlice(at, planes[0], _flat(dataset, ()))
        for at, path in enumerate(scan.source.files)
        if path is not None
        for planes, dataset in [_read(path)]
    ]


def _from_frames(path: Path, frames: Iterable[int | None]) -> Iterator[SourceSlice]:
    planes, dataset = _read(path)
    shared = list(dataset.get("SharedFunctionalGroupsSequence") or [])
    own = dataset.PerFrameFunctionalGroupsSequence
    for at, frame in enumerate(frames):
        if frame is not None:
            yield SourceSlice(at, planes[frame], _flat(dataset, (*shared[:1], own[frame])))


def _read(path: Path) -> tuple[tuple[Plane, ...], Dataset]:
    try:
        planes = read_planes(path).planes
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = pydicom.dcmread(path, stop_before_pixels=True, force=True)
    except OSError as error:
        raise ReadError("a source slice has gone", where=path.name, hint=LIST_AGAIN) from error
    if not planes:
        raise ReadError("a source slice is no image any more", where=path.name, hint=LIST_AGAIN)
    return planes, dataset


def _flat(dataset: Dataset, groups: tuple[Dataset, ...]) -> Dataset:
    """Copy what is allowed of a header, and of its functional groups (later groups win)."""
    wanted = (
        *(*allow.PATIENT, *allow.ACQUISITION, *allow.SERIES, *allow.SLICE, *_EQUIPMENT, *_OTHERS),
        *(keyword for keywords in allow.BY_MODALITY.values() for keyword in keywords),
        *("StudyInstanceUID", "FrameOfReferenceUID"),
    )
    flat = Dataset()
    allow.copy_elements(dataset, flat, wanted)
    for group in groups:
        for macro in _MACROS:
            for item in group.get(macro) or []:
                allow.copy_elements(item, flat, wanted)
        _enhanced_mr(group, flat)
    if groups:
        _pulse(dataset, flat)
    return flat


def _enhanced_mr(group: Dataset, flat: Dataset) -> None:
    """Give timing of enhanced MR its classic names (PS3.3 C.8.13.5.4 and C.8.13.5.5)."""
    for item in group.get("MREchoSequence") or []:
        if "EffectiveEchoTime" in item:
            flat.EchoTime = f"{float(item.EffectiveEchoTime):.10g}"
    for item in group.get("MRModifierSequence") or []:
        times = item.get("InversionTimes")
        if isinstance(times, float):
            flat.InversionTime = f"{times:.10g}"


def _pulse(dataset: Dataset, flat: Dataset) -> None:
    """Name the pulse sequence the classic way; an inversion time belongs to inversion recovery."""
    pulse = _ECHO_PULSE.get(str(dataset.get("EchoPulseSequence", "")))
    if pulse and "ScanningSequence" not in flat:
        flat.ScanningSequence = [pulse, "IR"] if flat.get("InversionTime") else pulse
    if "IR" not in str(flat.get("ScanningSequence", "")) or not flat.get("InversionTime"):
        flat.pop("InversionTime", None)
