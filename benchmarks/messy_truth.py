"""What lies in a messy folder, and how right a volume is that some reader made of it.

The truth comes from the recipe of the folder and, for DICOM, from pydicom slice by slice: where
each whole slice lies. What a voxel must hold there is `world_value`, a function of the world.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from tests.scans.messy import Expected, Volume
from tests.scans.series import world_value

NEAR_MM = 0.3
"""Off which plane a voxel is no part of it: steps of the cases are 2.25 mm and more."""
SLACK = 0.5
"""Beyond a case's own tolerance: for readers that resample a tilted stack within its planes."""
SHARE = 0.002
"""Part of the scored voxels that may be off: edges of resampled slices."""
LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Slice:
    """A measured slice: LPS mm of its first pixel, unit axes, steps and numbers of pixels."""

    corner: NDArray[np.float64]
    axes: NDArray[np.float64]
    steps_mm: tuple[float, float]
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Truth:
    """All that a folder holds.

    Parameters
    ----------
    slices
        Every whole slice, localizers and single ones too: none of them is invented.
    n_slices
        How many of them belong to stacks.
    fills
        Values that a file itself holds where a slice is missing.
    ignored
        Values that stand for no value (pixel padding).
    """

    slices: tuple[Slice, ...]
    n_slices: int
    tolerance: float
    contrasts: int
    fills: tuple[float, ...] = ()
    ignored: tuple[float, ...] = ()


@dataclass(frozen=True, eq=False)
class Made:
    """One volume as a reader gave it: `(i, j, k)`, affine to RAS+ mm, NaN where it marks a gap."""

    values: NDArray[np.float32]
    affine: NDArray[np.float64]


@dataclass
class Verdict:
    """How one volume fared: voxels by what they are, and the slices that are right."""

    wrong: int = 0
    invented: int = 0
    filled: int = 0
    right: int = 0
    slices: set[int] = field(default_factory=set)

    @property
    def is_wrong(self) -> bool:
        return self.wrong + self.invented > SHARE * (self.wrong + self.invented + self.right)


# --- truth --------------------------------------------------------------------------------------


def truth_of(folder: Path, expected: Expected) -> Truth:
    """Take stock of a folder."""
    tolerance = expected.error + SLACK
    if expected.volumes:
        slices = [s for volume in expected.volumes for s in _slices_of(volume)]
        fills = tuple(v.fill for v in expected.volumes if np.isfinite(v.fill))
        return Truth(tuple(slices), len(slices), tolerance, expected.contrasts, fills)
    found: dict[object, tuple[object, Slice]] = {}
    ignored: set[float] = set()
    with tempfile.TemporaryDirectory() as extracted, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for archive in folder.rglob("*.zip"):
            zipfile.ZipFile(archive).extractall(extracted)
        for path in [*folder.rglob("*"), *Path(extracted).rglob("*")]:
            if path.is_file():
                _read_slices(path, found, ignored)
    stacks = Counter(stack for stack, _ in found.values())
    n_slices = sum(n for stack, n in stacks.items() if n > 1 and "LOCALIZER" not in str(stack))
    slices = tuple(one for _, one in found.values())
    return Truth(slices, n_slices, tolerance, expected.contrasts, (), tuple(ignored))


def _slices_of(volume: Volume) -> list[Slice]:
    steps = volume.affine[:3, :3] * LPS[:, None]
    a, b = (axis for axis in range(3) if axis != volume.axis)
    lengths = np.linalg.norm(steps, axis=0)
    axes = np.stack([steps[:, a] / lengths[a], steps[:, b] / lengths[b]])
    corner = volume.affine[:3, 3] * LPS
    return [
        Slice(
            corner + k * steps[:, volume.axis],
            axes,
            (float(lengths[a]), float(lengths[b])),
            (volume.shape[a], volume.shape[b]),
        )
        for k in range(volume.shape[volume.axis])
        if k not in volume.missing
    ]


def _read_slices(
    path: Path, found: dict[object, tuple[object, Slice]], ignored: set[float]
) -> None:
    try:
        dataset = pydicom.dcmread(path, force=True)
        kind = str(dataset.get("ImageType", ""))
        if "Rows" not in dataset or "MOSAIC" in kind or 0x0019100A in dataset:
            return
        float(dataset.get("RescaleSlope", 1))  # raises where it is no number
        _ignore_padding(dataset, ignored)
        for frame, pixels, (position, plane, measures) in _frames(dataset):
            axes = np.array(plane.ImageOrientationPatient, dtype=float).reshape(2, 3)
            row_mm, column_mm = (float(v) for v in measures.PixelSpacing)
            corner = np.array(position.ImagePositionPatient, dtype=float)
            size = (int(dataset.Columns), int(dataset.Rows))
            one = Slice(corner, axes, (column_mm, row_mm), size)
            stack = (
                dataset.get("SeriesInstanceUID"),
                str((axes.round(1) + 0.0).tolist()),
                size,
                "LOCALIZER" in kind and "LOCALIZER",
            )
            key = (*stack, tuple(corner.round(3)), frame and _time(frame), pixels)
            found[key] = (stack, one)
    except Exception:  # what cannot be read whole is no slice
        return


def _frames(dataset: Dataset) -> list[tuple[Dataset | None, str, tuple[Dataset, ...]]]:
    if "TransferSyntaxUID" not in dataset.file_meta:  # a bare data set
        implicit, _ = dataset.original_encoding
        dataset.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2{'' if implicit else '.1'}"
    if "PerFrameFunctionalGroupsSequence" not in dataset:
        return [(None, _digest(dataset.pixel_array), (dataset, dataset, dataset))]
    shared, n = dataset.SharedFunctionalGroupsSequence[0], int(dataset.Rows) * int(dataset.Columns)
    stored = np.frombuffer(dataset.PixelData, "<u2")
    return [
        (
            own,
            _digest(stored[at * n : (at + 1) * n]),
            (
                own.PlanePositionSequence[0],
                shared.PlaneOrientationSequence[0],
                shared.PixelMeasuresSequence[0],
            ),
        )
        for at, own in enumerate(dataset.PerFrameFunctionalGroupsSequence)
        if (at + 1) * n <= stored.size
    ]


def _time(frame: Dataset) -> object:
    content = frame.get("FrameContentSequence")
    return content[0].get("TemporalPositionIndex") if content else None


def _digest(pixels: NDArray[np.generic]) -> str:
    return hashlib.sha256(np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _ignore_padding(dataset: Dataset, ignored: set[float]) -> None:
    if "PixelPaddingValue" in dataset:
        slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
        ignored.add(float(dataset.PixelPaddingValue) * float(slope) + float(intercept))


# --- score --------------------------------------------------------------------------------------


def score(made: Made, truth: Truth) -> Verdict:
    """Score one volume under the contrast of the world that suits it best."""
    values = np.asarray(made.values, dtype=np.float64)
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), axis=-1)
    lps = ((index @ made.affine[:3, :3].T + made.affine[:3, 3]) * LPS).reshape(-1, 3)
    near, outside = _nearest(lps, truth.slices)
    error = values.ravel() - world_value(lps)
    skipped = np.isnan(values.ravel()) | outside
    for value in truth.ignored:
        skipped |= np.abs(values.ravel() - value) < 1e-3
    filled = (near < 0) & np.isin(values.ravel(), truth.fills)
    verdicts = []
    for contrast in range(truth.contrasts):
        off = ~(np.abs(error - 100 * contrast) <= truth.tolerance)
        counted = ~skipped & ~filled
        verdict = Verdict(
            wrong=int((counted & (near >= 0) & off).sum()),
            invented=int((counted & (near < 0)).sum()),
            filled=int((filled & ~skipped).sum()),
            right=int((counted & (near >= 0) & ~off).sum()),
        )
        for number in np.unique(near[counted & (near >= 0)]):
            here = counted & (near == number)
            if off[here].mean() <= SHARE:
                verdict.slices.add(int(number))
        verdicts.append(verdict)
    return min(verdicts, key=lambda verdict: verdict.wrong + verdict.invented)


def _nearest(
    lps: NDArray[np.float64], slices: tuple[Slice, ...]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the number of the slice that holds each point, -1 for none; and who lies beside one.

    Slices at one place have one number. A point in the plane of a slice but beyond its edge can be
    neither right nor wrong.
    """
    near = np.full(len(lps), -1)
    inside = np.zeros(len(lps), dtype=bool)
    beside = np.zeros(len(lps), dtype=bool)
    for number, one in enumerate(slices):
        normal = np.cross(*one.axes)
        flat = np.abs((lps - one.corner) @ (normal / np.linalg.norm(normal))) <= NEAR_MM
        in_plane = [
            ((lps - one.corner) @ axis) / step
            for axis, step in zip(one.axes, one.steps_mm, strict=True)
        ]
        within = flat.copy()
        for at, n in zip(in_plane, one.size, strict=True):
            within &= (at > -0.05) & (at < n - 0.95)
        beside |= flat & ~within
        near[within & ~inside] = number
        inside |= within
    return near, beside & ~inside
