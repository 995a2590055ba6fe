"""Read DICOM segmentations (SEG) as label maps (PS3.3 C.8.20).

Writers leave out empty frames, and frame order means nothing: positions count. A position without a
frame holds no label; it is no gap.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import ReadError, SeriesError
from medgan.scans.dicom_frames import Groups
from medgan.scans.dicom_place import place_of
from medgan.scans.dicom_tags import Tags
from medgan.scans.grid import Grid
from medgan.scans.lattice import fit_lattice
from medgan.scans.listing import LIST_AGAIN, Found
from medgan.scans.names import safe_name
from medgan.scans.planes import Place
from medgan.scans.scan import Scan, Source

EXPORT_AGAIN = "Export the segmentation again with the program that wrote it."


@dataclass(frozen=True)
class Segments:
    """Where the frames of one segmentation lie.

    Parameters
    ----------
    index
        Slice position of each frame.
    segment
        Segment number of each frame; 0 in a label map, whose pixels are the numbers.
    """

    grid: Grid
    index: tuple[int, ...]
    segment: tuple[int, ...]


def describe_segmentation(path: Path, root: Path) -> Found:
    """Describe one segmentation object as a label map.

    Raises
    ------
    SeriesError
        If it holds fractions, or its frames make no regular stack.
    ReadError
        If it cannot be read, or its pixels are cut short.
    """
    dataset = _read(path)
    segments = _segments(dataset)
    _labels(dataset, segments, path)  # a cut object must show here, not when it is loaded
    tags = Tags(dataset)
    number = tags.text(0x00200011)
    words = (number, str(dataset.get("SeriesDescription", "")))
    name = "_".join(filter(None, map(safe_name, words)))
    return Found(
        id=name or "segmentation",
        kind="label",
        format="dicom",
        modality="ot",
        grid=segments.grid,
        axis=2,
        present=np.ones(segments.grid.shape[2], dtype=bool),
        source=Source(root=root, files=(path,), series_uid=tags.text(0x0020000E)),
        n_files=1,
        notes=("label map: listed, never filled",),
    )


def load_segmentation(found: Found) -> Scan:
    """Read a segmentation as a label map; where segments overlap, the highest number stays."""
    path = found.source.files[0]
    if path is None:
        raise ReadError("its file is not known", where=found.id, hint=LIST_AGAIN)
    dataset = _read(path)
    n = found.grid.shape[2]
    return Scan(
        id=found.id,
        stored=_labels(dataset, _segments(dataset), path),
        grid=found.grid,
        axis=2,
        present=found.present,
        synthetic=np.full(n, Tags(dataset).text(0x0008001C).upper() == "YES"),
        slope=np.ones(n),
        intercept=np.zeros(n),
        modality="ot",
        format="dicom",
        source=found.source,
        notes=found.notes,
    )


def segment_names(path: Path) -> dict[int, str]:
    """Return the name of each label of a segmentation.

    Raises
    ------
    ReadError
        If it cannot be read.
    """
    items = _read(path).get("SegmentSequence") or []
    return {int(item.SegmentNumber): str(item.get("SegmentLabel", "")) for item in items}


def _read(path: Path) -> Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(path, force=True)
        except Exception as error:  # pydicom raises nearly anything on damaged files
            raise ReadError(
                f"the segmentation cannot be parsed ({type(error).__name__})",
                where=path.name,
                hint=EXPORT_AGAIN,
            ) from error


def _segments(dataset: Dataset) -> Segments:
    tags = Tags(dataset)
    if tags.text(0x00620001).upper() not in {"BINARY", "LABELMAP"}:
        raise SeriesError(
            "a fractional segmentation, no label map", hint="Export it as BINARY or LABELMAP."
        )
    shared = tags.item(0x52009229)
    places, numbers = [], []
    for own in tags.items(0x52009230):
        groups = Groups(shared, own)
        places.append(place_of(*(groups.macro(s) for s in (0x00209113, 0x00209116, 0x00289110))))
        identity = groups.macro(0x0062000A)
        numbers.append(0 if identity is None else identity.integer(0x0062000B, "US") or 0)
    known = [place for place in places if place is not None]
    if len(known) < len(places) or not known:
        raise SeriesError("a segmentation whose frames have no positions", hint=EXPORT_AGAIN)
    rows, columns = tags.integer(0x00280010, "US") or 0, tags.integer(0x00280011, "US") or 0
    grid, index = _stack(known, rows, columns)
    return Segments(grid, index, tuple(numbers))


def _stack(places: Sequence[Place], rows: int, columns: int) -> tuple[Grid, tuple[int, ...]]:
    """Fit the grid of some frames, several of which may lie at one position."""
    first = places[0]
    along = np.array([place.position for place in places]) @ first.normal
    rounded, inverse = np.unique(np.round(along, 3), return_inverse=True)
    if rounded.size < 2:
        raise SeriesError(
            "a segmentation of a single slice, no stack", hint="Draw on two slices at least."
        )
    lattice = fit_lattice(rounded)
    index = lattice.index[inverse]
    lowest, highest = int(along.argmin()), int(along.argmax())
    affine = np.eye(4)
    affine[:3, 0] = first.axes[0] * first.spacing[1]
    affine[:3, 1] = first.axes[1] * first.spacing[0]
    span = places[highest].position - places[lowest].position
    affine[:3, 2] = span / (lattice.n_positions - 1)
    affine[:3, 3] = places[lowest].position
    grid = Grid.from_lps((columns, rows, lattice.n_positions), affine)
    return grid, tuple(int(k) for k in index)


def _labels(dataset: Dataset, segments: Segments, path: Path) -> NDArray[np.generic]:
    """Paint the frames into one `(column, row, slice)` volume of segment numbers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frames = dataset.pixel_array
        except Exception as error:  # decoders raise whatever their C code makes of it
            raise ReadError(
                f"its pixels cannot be decoded ({type(error).__name__})",
                where=path.name,
                hint=EXPORT_AGAIN,
            ) from error
    columns, rows, n = segments.grid.shape
    frames = frames.reshape(-1, rows, columns)
    if len(frames) != len(segments.index):
        raise ReadError(
            f"{len(frames)} frames, {len(segments.index)} positions",
            where=path.name,
            hint=EXPORT_AGAIN,
        )
    highest = max(max(segments.segment), int(frames.max()))
    volume = np.zeros((columns, rows, n), dtype=np.uint8 if highest < 256 else np.uint16)
    for frame, at, number in zip(frames, segments.index, segments.segment, strict=True):
        painted = (frame != 0) * number if number else frame
        np.maximum(volume[:, :, at], painted.T.astype(volume.dtype), out=volume[:, :, at])
    return volume
