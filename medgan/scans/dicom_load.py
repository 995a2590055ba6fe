"""Read the pixels of a DICOM scan that `discover` has found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError, SeriesError
from medgan.scans.dicom_header import read_planes
from medgan.scans.dicom_pixels import read_stored
from medgan.scans.listing import LIST_AGAIN, Found
from medgan.scans.planes import PixelFormat, Plane
from medgan.scans.scan import Scan


def load_dicom(found: Found) -> Scan:
    """Read every slice of a DICOM scan into `(column, row, slice)` stored values.

    Raises
    ------
    ReadError
        If a file has gone, changed or become unreadable since it was listed.
    """
    n_columns, n_rows, n = found.grid.shape
    planes = _planes_by_position(found)
    dtype = common_type([plane.header.pixels for plane in planes.values()])
    # Slices are contiguous in memory: (slice, row, column), seen as (column, row, slice).
    stored = np.zeros((n, n_rows, n_columns), dtype=dtype).transpose(2, 1, 0)
    slope, intercept = np.ones(n), np.zeros(n)
    synthetic = np.zeros(n, dtype=bool)
    for (at, plane), pixels in zip(planes.items(), _pixels(found, planes), strict=True):
        if pixels.shape != (n_rows, n_columns):
            raise ReadError(
                f"matrix is {pixels.shape}, {(n_rows, n_columns)} expected",
                where=found.id,
                hint=LIST_AGAIN,
            )
        stored[:, :, at] = pixels.T
        slope[at], intercept[at] = plane.slope, plane.intercept
        synthetic[at] = plane.header.synthetic
    _fill_rescale(slope, intercept, found.present)
    # Of slices that declare one; two unlike ones are refused when the scan is listed.
    padding = {plane.header.padding for plane in planes.values()} - {None}
    return Scan(
        id=found.id,
        stored=stored,
        grid=found.grid,
        axis=2,
        present=found.present,
        synthetic=synthetic,
        slope=slope,
        intercept=intercept,
        modality=found.modality,
        format="dicom",
        source=found.source,
        instances=found.instances,
        padding=padding.pop() if len(padding) == 1 else None,
        notes=found.notes,
    )


def common_type(formats: Sequence[PixelFormat]) -> np.dtype[np.generic]:
    """Smallest integer type that holds the stored values of every slice.

    Slices of one signedness keep their own type; mixed ones need a signed type for the union.
    """
    if len({(pixels.signed, pixels.bits_allocated) for pixels in formats}) == 1:
        first = formats[0]
        return np.dtype(f"{'i' if first.signed else 'u'}{first.bits_allocated // 8}")
    low = min(pixels.value_range[0] for pixels in formats)
    high = max(pixels.value_range[1] for pixels in formats)
    kind = "i" if low < 0 else "u"
    limits = {width: np.iinfo(f"{kind}{width}") for width in (1, 2, 4, 8)}
    width = next(w for w, limit in limits.items() if limit.min <= low and high <= limit.max)
    return np.dtype(f"{kind}{width}")


def _planes_by_position(found: Found) -> dict[int, Plane]:
    """Read the headers of all slices, by position."""
    files = found.source.files
    if not found.source.frames:
        there = ((at, path) for at, path in enumerate(files) if path is not None)
        return {at: _planes(path, found)[0] for at, path in there}
    if files[0] is None:
        raise SeriesError("a multi-frame scan without its file", where=found.id, hint=LIST_AGAIN)
    planes = _planes(files[0], found)
    frames = enumerate(found.source.frames)
    return {at: planes[frame] for at, frame in frames if frame is not None}


def _pixels(found: Found, planes: dict[int, Plane]) -> Iterator[NDArray[np.generic]]:
    """Read the stored values of all slices, one after the other."""
    if found.source.frames:
        frames = [frame for frame in found.source.frames if frame is not None]
        yield from read_stored(next(iter(planes.values())).header, frames)
        return
    for plane in planes.values():
        yield from read_stored(plane.header, [0])


def _planes(path: Path, found: Found) -> tuple[Plane, ...]:
    reading = read_planes(path)
    if not reading.planes:
        raise ReadError(
            reading.refused or "it is no image any more",
            where=f"{found.id}: {path.name}",
            hint=LIST_AGAIN,
        )
    return reading.planes


def _fill_rescale(
    slope: NDArray[np.float64], intercept: NDArray[np.float64], present: NDArray[np.bool_]
) -> None:
    """Give missing positions the rescale of their nearest measured slice."""
    here = np.flatnonzero(present)
    for at in np.flatnonzero(~present):
        nearest = here[np.abs(here - at).argmin()]
        slope[at], intercept[at] = slope[nearest], intercept[nearest]
