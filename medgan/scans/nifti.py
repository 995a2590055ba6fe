"""Read NIfTI-1 and NIfTI-2, single file or pair, strictly.

nibabel parses the header and the transforms; the values are read here, as stored and never scaled,
so that a file that was cut short, or whose checksum is wrong, is refused instead of padded.
"""

from __future__ import annotations

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
from medgan.scans.grid import corner_distance
from medgan.scans.rasters import Raster

LABEL_INTENT = 1002
"""NIFTI_INTENT_LABEL of nifti1.h: the values are names of regions."""

COPY_AGAIN = "Copy it again from where it came from."
EXPORT_AGAIN = "Export it again with the program that wrote it."
DISAGREEMENT_NOTED_MM = 0.01
CHUNK = 1 << 22
_UNIT_MM = {1: 1000.0, 2: 1.0, 3: 0.001}


def read_nifti(path: Path) -> Raster:
    """Read one `.nii`, `.nii.gz`, or `.hdr`/`.img` pair (either name).

    Raises
    ------
    ReadError
        If it is no NIfTI, is cut short, has no place in the world (both codes 0), or holds what
        is no scalar volume.
    """
    header_path, image_path = pair_of(path)
    header = read_header(header_path)
    _check(header, path)
    affine, notes = _world(header, path)
    stored = _read_stored(header, image_path, single=header_path == image_path)
    slope, intercept = _scaling(header, path)
    if not np.isfinite(header["scl_slope"]):
        notes.append(f"scl_slope is {float(header['scl_slope'])}: values are taken as stored")
    files = (path,) if header_path == image_path else (header_path, image_path)
    text = bytes(header["descrip"]).rstrip(b"\0").decode("latin-1")
    ours = text if "by medgan" in text else ""
    return Raster(stored, affine, slope, intercept, "nifti", files, tuple(notes), ours)


def pair_of(path: Path) -> tuple[Path, Path]:
    """Header and image file of a NIfTI; the same file twice for `.nii` and `.nii.gz`."""
    if path.suffix.lower() not in {".img", ".hdr"}:
        return path, path
    header = _sibling(path, ".hdr")
    image = _sibling(path, ".img")
    if header is None or image is None:
        lost = ".hdr" if header is None else ".img"
        raise ReadError(
            f"its {lost} file is not beside it",
            where=path.name,
            hint="Put the .hdr and .img files of one name into one folder.",
        )
    return header, image


def _sibling(path: Path, suffix: str) -> Path | None:
    names = (path.with_suffix(suffix), path.with_suffix(suffix.upper()))
    return next((name for name in names if name.is_file()), None)


def open_maybe_gzip(path: Path) -> BinaryIO:
    """Open for reading, through gzip if the content says so, whatever the name says."""
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if zipped else path.open("rb")  # type: ignore[return-value]


def read_header(path: Path) -> nib.Nifti1Header:
    """Read the header alone; ReadError where there is none."""
    try:
        with open_maybe_gzip(path) as file:
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


def _read_stored(header: nib.Nifti1Header, path: Path, *, single: bool) -> NDArray[np.generic]:
    dtype, shape = header.get_data_dtype(), _shape(header)
    offset = int(header["vox_offset"]) if single else max(int(header["vox_offset"]), 0)
    expected = int(np.prod(shape, dtype=object)) * dtype.itemsize
    try:
        with open_maybe_gzip(path) as file:
            file.seek(offset)
            data = file.read(expected)
            while file.read(CHUNK):  # to the end, where gzip keeps its checksum
                pass
    except (OSError, EOFError, zlib.error, ValueError, OverflowError, MemoryError) as error:
        raise ReadError(
            "its values cannot be read: it is damaged or cut short",
            where=path.name,
            hint=COPY_AGAIN,
        ) from error
    if len(data) < expected:
        raise ReadError(
            f"cut short: {len(data)} of {expected} bytes of values",
            where=path.name,
            hint=COPY_AGAIN,
        )
    array = np.frombuffer(data, dtype=dtype).reshape(shape, order="F")
    return array.astype(dtype.newbyteorder("="), copy=False)


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


def _world(header: nib.Nifti1Header, path: Path) -> tuple[NDArray[np.float64], list[str]]:
    """Affine in RAS+ mm: sform first, else qform; what is odd about it as notes."""
    notes = []
    sform, qform = _transform(header, "sform"), _transform(header, "qform")
    affine = qform if sform is None else sform
    if affine is None:
        raise ReadError(
            "no world: qform and sform codes are both 0, so left and right are unknown",
            where=path.name,
            hint="Set the codes with the program that wrote it.",
        )
    unit = _UNIT_MM.get(int(header["xyzt_units"]) & 7, 1.0)
    if unit != 1.0:
        notes.append(f"lengths in the file are in units of {unit:g} mm")
    if sform is not None and qform is not None:
        apart = corner_distance(sform, qform, _shape(header)[:3]) * unit
        if apart > DISAGREEMENT_NOTED_MM:
            notes.append(f"sform and qform disagree by up to {apart:.2f} mm: sform is used")
    affine = affine.copy()
    affine[:3] *= unit
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-12:
        raise ReadError("its affine cannot be inverted", where=path.name, hint=EXPORT_AGAIN)
    return affine, notes


def _transform(header: nib.Nifti1Header, which: str) -> NDArray[np.float64] | None:
    try:
        read: Any = header.get_sform if which == "sform" else header.get_qform
        matrix, code = read(coded=True)
    except (HeaderDataError, ValueError):
        return None
    return matrix if code and matrix is not None else None
