"""Read NIfTI-1 and NIfTI-2, single file or pair, strictly.

nibabel parses the header and the transforms; the values are read here, as stored and never scaled,
so that a file that was cut short, or whose checksum is wrong, is refused instead of padded.
"""

from __future__ import annotations

import bz2
import gzip
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError
from numpy.typing import NDArray

from medgan.errors import ReadError
from medgan.scans.nifti_world import EXPORT_AGAIN, world_of
from medgan.scans.rasters import COPY_AGAIN, Raster, surplus_notes

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL of nifti1.h: the values are names of regions."""

CHUNK = 1 << 22
_SINGLE_FILE_HEADER = {348: 352, 540: 544}
"""Bytes of header and extension flags by which the values of a single file lie behind, at least."""

_ENDINGS = ("", ".gz", ".bz2")


def read_nifti(path: Path) -> Raster:
    """Read one `.nii` or `.hdr`/`.img` pair (either name), plain, `.gz` or `.bz2`.

    Raises
    ------
    ReadError
        If it is no NIfTI, is cut short, has no place in the world (both codes 0), or holds what
        is no scalar volume.
    """
    header_path, image_path = pair_of(path)
    header = read_header(header_path)
    _check(header, path)
    affine, notes = world_of(header, _shape(header)[:3], path)
    stored, surplus = _read_stored(header, image_path, single=header_path == image_path)
    notes += surplus_notes(surplus)
    slope, intercept = _scaling(header, path)
    if not np.isfinite(header["scl_slope"]):
        notes.append(f"scl_slope is {float(header['scl_slope'])}: values are taken as stored")
    files = (path,) if header_path == image_path else (header_path, image_path)
    text = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1")
    ours = text if "by medgan" in text else ""
    return Raster(stored, affine, slope, intercept, "nifti", files, tuple(notes), ours)


def pair_of(path: Path) -> tuple[Path, Path]:
    """Header and image file of a NIfTI; the same file twice for `.nii` and `.nii.gz`."""
    ending = path.suffix if path.suffix.lower() in _ENDINGS[1:] else ""
    name = Path(path.name[: len(path.name) - len(ending)])
    if name.suffix.lower() not in {".img", ".hdr"}:
        return path, path
    is_header = name.suffix.lower() == ".hdr"
    lost = ".img" if is_header else ".hdr"
    other = _sibling(path.with_name(name.name), lost, ending.lower())
    if other is None:
        raise ReadError(
            f"its {lost} file is not beside it",
            where=path.name,
            hint="Put the .hdr and .img files of one name into one folder.",
        )
    return (path, other) if is_header else (other, path)


def _sibling(path: Path, suffix: str, ending: str) -> Path | None:
    """Find the other file of a pair; of several, the one that is compressed alike."""
    endings = sorted(_ENDINGS, key=lambda one: one != ending)
    names = [suffix + one for one in endings]
    names += [name.upper() for name in names]
    beside = (path.with_suffix(name) for name in names)
    return next((file for file in beside if file.is_file()), None)


def open_inflated(path: Path) -> BinaryIO:
    """Open for reading, through gzip or bzip2 if the content says so, whatever the name says."""
    with path.open("rb") as file:
        start = file.read(10)
    if start[:3] == b"\x1f\x8b\x08":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    if start[:3] == b"BZh" and start[4:] == b"1AY&SY":
        return bz2.open(path, "rb")  # type: ignore[return-value]
    return path.open("rb")


def read_header(path: Path) -> nib.Nifti1Header:
    """Read the header alone; ReadError where there is none."""
    try:
        with open_inflated(path) as file:
            start = file.read(540)
    except (OSError, EOFError, zlib.error) as error:
        raise ReadError(
            "its compressed data are damaged or cut short", where=path.name, hint=COPY_AGAIN
        ) from error
    sizes = {int.from_bytes(start[:4], "little"), int.from_bytes(start[:4], "big")}
    family: Any = nib.Nifti2Header if 540 in sizes else nib.Nifti1Header
    length = family.template_dtype.itemsize
    try:
        header: nib.Nifti1Header = family(start[:length], check=False)
    except (WrapStructError, HeaderDataError, ValueError) as error:
        raise ReadError("it holds no NIfTI header", where=path.name, hint=COPY_AGAIN) from error
    if bytes(header["magic"]).rstrip(b"\0")[:3] not in (b"n+1", b"ni1", b"n+2", b"ni2"):
        raise ReadError(
            "it holds no NIfTI header (wrong magic)",
            where=path.name,
            hint="An ANALYZE file does not tell left from right: convert it to NIfTI first.",
        )
    return header


def _check(header: nib.Nifti1Header, path: Path) -> None:
    """Refuse what is no 3D or 4D volume of real numbers."""
    n_dims = int(header["dim"][0])
    if not 1 <= n_dims <= 7 or (np.asarray(header["dim"][1 : n_dims + 1]) < 1).any():
        raise ReadError(
            f"impossible dimensions {header['dim'].tolist()}", where=path.name, hint=EXPORT_AGAIN
        )
    try:
        dtype = header.get_data_dtype()
    except (HeaderDataError, KeyError) as error:
        raise ReadError("unknown data type", where=path.name, hint=EXPORT_AGAIN) from error
    if dtype.kind not in "iuf" or dtype.itemsize > 8:
        raise ReadError(
            f"values of type {dtype} are no scalar scan",
            where=path.name,
            hint="Save one channel as a volume of whole or real numbers.",
        )
    shape = _shape(header)
    if len(shape) > 4:
        raise ReadError(
            f"{len(shape)} dimensions; 3 or 4 expected",
            where=path.name,
            hint="Save its parts as volumes of three or four dimensions.",
        )


def _shape(header: nib.Nifti1Header) -> tuple[int, ...]:
    """Dimensions without trailing ones, but at least three."""
    shape = [int(n) for n in header["dim"][1 : int(header["dim"][0]) + 1]]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    return (*shape, *(1 for _ in range(3 - len(shape))))


def _read_stored(
    header: nib.Nifti1Header, path: Path, *, single: bool
) -> tuple[NDArray[np.generic], int]:
    """Read the values, and count the bytes that lie behind them."""
    dtype, shape = header.get_data_dtype(), _shape(header)
    offset = _offset(header, path, single=single)
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    surplus = 0
    try:
        data = np.empty(expected, np.uint8)
        with open_inflated(path) as file:
            file.seek(offset)
            n_read = _read_into(file, data)
            while rest := file.read(CHUNK):  # to the end, where gzip keeps its checksum
                surplus += len(rest)
    except (OSError, EOFError, zlib.error, ValueError, OverflowError, MemoryError) as error:
        raise ReadError(
            "its values cannot be read: it is damaged or cut short",
            where=path.name,
            hint=COPY_AGAIN,
        ) from error
    if n_read < expected:
        raise ReadError(
            f"cut short: {n_read} of {expected} bytes of values",
            where=path.name,
            hint=COPY_AGAIN,
        )
    array = data.view(dtype).reshape(shape, order="F")
    return array.astype(dtype.newbyteorder("="), copy=False), surplus


def _read_into(file: BinaryIO, data: NDArray[np.uint8]) -> int:
    """Read bytes until the array is full or the file ends; in parts, so that none is held twice."""
    n_read = 0
    while part := file.read(min(CHUNK, data.size - n_read)):
        data[n_read : n_read + len(part)] = np.frombuffer(part, np.uint8)
        n_read += len(part)
    return n_read


def _offset(header: nib.Nifti1Header, path: Path, *, single: bool) -> int:
    """Where the values begin; refused where that lies inside the header of the same file."""
    offset = float(header["vox_offset"])
    least = _SINGLE_FILE_HEADER[header.template_dtype.itemsize] if single else 0
    if not np.isfinite(offset) or offset < least or offset != int(offset):
        raise ReadError(
            f"vox_offset is {offset:g}; values cannot begin before byte {least}",
            where=path.name,
            hint=EXPORT_AGAIN,
        )
    return int(offset)


def _scaling(header: nib.Nifti1Header, path: Path) -> tuple[float, float]:
    """scl_slope and scl_inter; slope 0 means that the values are not scaled (NIfTI-1 standard)."""
    slope, intercept = float(header["scl_slope"]), float(header["scl_inter"])
    if slope == 0 or not np.isfinite(slope):
        return 1.0, 0.0  # what nibabel does as well; one that is no number is noted
    if not np.isfinite(intercept):
        raise ReadError(
            f"scl_slope {slope} with scl_inter {intercept}", where=path.name, hint=EXPORT_AGAIN
        )
    return slope, intercept
