"""DICOM series whose stored value is a known function of world position, with knobs for mess.

A reader may do inside what it likes: `score` compares every voxel of a `Scan` that claims to be
measured with the value that the world holds where its affine puts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from medgan.scans import Scan

SOP_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
}
ENHANCED = {"CT": "1.2.840.10008.5.1.4.1.1.2.1", "MR": "1.2.840.10008.5.1.4.1.1.4.1"}
AXIAL = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
SAGITTAL = ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0))
CORONAL = ((1.0, 0.0, 0.0), (0.0, 0.0, -1.0))
CANARY = "Canary^Name"


def oblique() -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Direction cosines of a plane turned about two axes."""
    a, b = np.deg2rad(17.0), np.deg2rad(-23.0)
    turn_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    turn_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turn = turn_z @ turn_x
    return tuple(turn[:, 0].tolist()), tuple(turn[:, 1].tolist())


def world_value(lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """The value the world holds at LPS millimetres; `(..., 3)` to `(...)`, about -600 to 900."""
    x, y, z = np.moveaxis(np.asarray(lps, dtype=float), -1, 0)
    return 150 + 4.1 * x + 2.3 * y + 3.7 * z + 40 * np.sin(x / 7) * np.cos(y / 9 + z / 11)


@dataclass(frozen=True)
class Series:
    """How a series is made.

    Parameters
    ----------
    offsets_mm
        Distance of each slice along the normal; None for `n` equal steps.
    tilt_mm
        Drift along the column direction per millimetre of normal (gantry tilt).
    """

    n: int = 12
    step_mm: float = 3.0
    offsets_mm: tuple[float, ...] | None = None
    rows: int = 10
    columns: int = 14
    spacing_mm: tuple[float, float] = (1.5, 1.25)
    axes: tuple[tuple[float, ...], tuple[float, ...]] = AXIAL
    origin: tuple[float, float, float] = (-9.0, -7.5, -16.5)
    tilt_mm: float = 0.0
    modality: str = "CT"
    slope: float = 1.0
    intercept: float = -1024.0
    signed: bool = False
    bits_stored: int = 16
    number: int = 4
    description: str = "test stack"
    uid: str = ""
    study_uid: str = "2.25.1"
    frame_uid: str = "2.25.2"

    @property
    def series_uid(self) -> str:
        return self.uid or generate_uid(prefix="2.25.", entropy_srcs=[repr(self)])

    @property
    def normal(self) -> NDArray[np.float64]:
        return np.cross(*self.axes)

    def position(self, offset_mm: float) -> NDArray[np.float64]:
        """LPS position of the first pixel of the slice at this distance along the normal."""
        along = self.normal + self.tilt_mm * np.array(self.axes[1])
        return np.array(self.origin) + offset_mm * along

    def offsets(self) -> tuple[float, ...]:
        return self.offsets_mm or tuple(self.step_mm * k for k in range(self.n))


def truth(series: Series, position: NDArray[np.float64]) -> NDArray[np.float64]:
    """(rows, columns) world values of a slice whose first pixel lies at an LPS position."""
    rows, columns = np.arange(series.rows), np.arange(series.columns)
    right = np.array(series.axes[0]) * series.spacing_mm[1]
    down = np.array(series.axes[1]) * series.spacing_mm[0]
    points = position + columns[None, :, None] * right + rows[:, None, None] * down
    return world_value(points)


def set_pixels(dataset: Dataset, physical: NDArray[np.float64], padding: int | None = None) -> None:
    """Quantise physical values with the data set's own rescale and store them."""
    slope = float(dataset.get("RescaleSlope", 1))
    intercept = float(dataset.get("RescaleIntercept", 0))
    stored = np.rint((physical - intercept) / slope).astype(np.int64)
    if padding is not None:
        stored[:2, :2] = padding
    bits = int(dataset.BitsAllocated)
    kind = "i" if dataset.PixelRepresentation else "u"
    dataset.PixelData = (stored & ((1 << bits) - 1)).astype(f"<u{bits // 8}").tobytes()
    dataset["PixelData"].VR = "OW"
    info = np.iinfo(f"{kind}{bits // 8}")
    assert stored.min() >= info.min
    assert stored.max() <= info.max


def make_series(series: Series | None = None, **knobs: object) -> list[Dataset]:
    """Make the data sets of one series, in order of position, each complete with its pixels."""
    series = replace(series or Series(), **knobs)  # type: ignore[arg-type]
    return [
        _slice(series, offset, number) for number, offset in enumerate(series.offsets(), start=1)
    ]


def _slice(series: Series, offset_mm: float, number: int) -> Dataset:
    dataset = _header(series, SOP_CLASSES[series.modality])
    position = series.position(offset_mm)
    dataset.SOPInstanceUID = generate_uid(
        prefix="2.25.", entropy_srcs=[series.series_uid, repr((offset_mm, number))]
    )
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = texts(position)
    dataset.ImageOrientationPatient = texts(np.ravel(series.axes))
    dataset.PixelSpacing = texts(series.spacing_mm)
    dataset.SliceThickness = f"{series.step_mm:.10g}"
    if series.modality in ("CT", "PT"):
        dataset.RescaleIntercept = f"{series.intercept:.10g}"
        dataset.RescaleSlope = f"{series.slope:.10g}"
    if series.modality == "MR":
        dataset.RescaleIntercept = f"{series.intercept:.10g}"
        dataset.RescaleSlope = f"{series.slope:.10g}"
        dataset.EchoTime = "10"
    set_pixels(dataset, truth(series, position))
    return dataset


def _header(series: Series, sop_class: str) -> Dataset:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = "2.25.99"
    dataset.SOPClassUID = sop_class
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL" if series.modality == "CT" else "OTHER"]
    dataset.Modality = series.modality if series.modality != "SC" else "OT"
    dataset.PatientName = CANARY
    dataset.PatientID = "Canary-ID"
    dataset.StudyInstanceUID = series.study_uid
    dataset.SeriesInstanceUID = series.series_uid
    dataset.FrameOfReferenceUID = series.frame_uid
    dataset.SeriesNumber = series.number
    dataset.SeriesDescription = series.description
    dataset.Manufacturer = "nobody"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = series.rows, series.columns
    dataset.BitsAllocated = 16
    dataset.BitsStored = series.bits_stored
    dataset.HighBit = series.bits_stored - 1
    dataset.PixelRepresentation = int(series.signed)
    return dataset


def make_enhanced(
    series: Series | None = None, order: Sequence[int] | None = None, **knobs: object
) -> Dataset:
    """Make one enhanced multi-frame object; `order` lists the offsets' numbers frame by frame."""
    series = replace(series or Series(), **knobs)  # type: ignore[arg-type]
    dataset = _header(series, ENHANCED[series.modality])
    dataset.SOPInstanceUID = generate_uid(prefix="2.25.", entropy_srcs=[series.series_uid, "e"])
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    offsets = series.offsets()
    order = list(range(len(offsets))) if order is None else list(order)
    dataset.NumberOfFrames = len(order)
    shared, frames, pixels = Dataset(), [], []
    measures, values, plane = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = texts(series.spacing_mm)
    values.RescaleIntercept, values.RescaleSlope = f"{series.intercept:g}", f"{series.slope:g}"
    values.RescaleType = "US"
    plane.ImageOrientationPatient = texts(np.ravel(series.axes))
    shared.PixelMeasuresSequence = DicomSequence([measures])
    shared.PixelValueTransformationSequence = DicomSequence([values])
    shared.PlaneOrientationSequence = DicomSequence([plane])
    for number in order:
        position = series.position(offsets[number])
        place, frame = Dataset(), Dataset()
        place.ImagePositionPatient = texts(position)
        frame.PlanePositionSequence = DicomSequence([place])
        frames.append(frame)
        stored = np.rint((truth(series, position) - series.intercept) / series.slope)
        pixels.append((stored.astype(np.int64) & 0xFFFF).astype("<u2").tobytes())
    dataset.SharedFunctionalGroupsSequence = DicomSequence([shared])
    dataset.PerFrameFunctionalGroupsSequence = DicomSequence(frames)
    dataset.PixelData = b"".join(pixels)
    dataset["PixelData"].VR = "OW"
    return dataset


def texts(numbers: Iterable[float]) -> list[str]:
    """Decimal strings of at most 16 characters."""
    return [f"{float(number):.9f}"[:16] for number in numbers]


def save(
    datasets: Sequence[Dataset], folder: Path, names: Sequence[str] | None = None
) -> list[Path]:
    """Write data sets to files; default names say nothing about order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for n, dataset in enumerate(datasets):
        name = names[n] if names else f"im{(n * 7919) % 1009:04d}_{n}.dcm"
        dataset.save_as(folder / name, enforce_file_format=True)
        paths.append(folder / name)
    return paths


def without(datasets: Sequence[Dataset], *lost: int) -> list[Dataset]:
    """The data sets but those of some positions."""
    return [dataset for n, dataset in enumerate(datasets) if n not in lost]


def score(scan: Scan, contrasts: int = 1) -> float:
    """Largest distance in physical units of a measured voxel from the world's value there.

    Voxels that hold the padding value are left out. Of several contrasts, each 100 brighter than
    the last, the scan must show one throughout.
    """
    index = np.stack(np.meshgrid(*map(np.arange, scan.stored.shape), indexing="ij"), axis=-1)
    ras = scan.grid.position(index)
    error = scan.values - world_value(ras * np.array([-1.0, -1.0, 1.0]))
    counted = np.ones(error.shape, dtype=bool)
    if scan.padding is not None:
        counted &= scan.stored != scan.padding
    np.moveaxis(counted, scan.axis, 0)[~scan.present] = False
    return min(float(np.abs(error[counted] - 100 * n).max()) for n in range(contrasts))
