"""Read NRRD and MetaImage through SimpleITK, and refuse what its image cannot hold."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from medgan.errors import ReadError
from medgan.scans.grid import LPS_TO_RAS
from medgan.scans.rasters import Raster

COPY_AGAIN = "Copy it again from where it came from."
SAVE_SCALAR = "Save one channel as a volume of whole or real numbers."
_HEADER_BYTES = 1 << 16
_ANATOMICAL = {
    "left-posterior-superior",
    "lps",
    "right-anterior-superior",
    "ras",
    "left-anterior-superior",
    "las",
    "left-posterior-superior-time",
    "lpst",
    "right-anterior-superior-time",
    "rast",
    "left-anterior-superior-time",
    "last",
}
"""NRRD spaces whose axes are those of the patient; in others left and right are unknown."""


def read_itk(path: Path) -> Raster:
    """Read one `.nrrd`, `.nhdr`, `.mha` or `.mhd` file.

    Raises
    ------
    ReadError
        If it cannot be read, is cut short, has no place in the world, or holds vectors.
    """
    import SimpleITK

    fields = read_fields(path)
    is_nrrd = path.suffix.lower() in {".nrrd", ".nhdr"}
    _check_world(path, fields, is_nrrd=is_nrrd)
    data = _check_data(path, fields)
    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        raise ReadError(
            "SimpleITK cannot read it: damaged or cut short", where=path.name, hint=COPY_AGAIN
        ) from error
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() not in (3, 4):
        raise ReadError(
            f"{image.GetDimension()} dimensions with {image.GetNumberOfComponentsPerPixel()} "
            "components; a scalar 3D or 4D volume is expected",
            where=path.name,
            hint=SAVE_SCALAR,
        )
    stored = SimpleITK.GetArrayFromImage(image).transpose()
    if stored.dtype.kind not in "iuf":
        raise ReadError(
            f"values of type {stored.dtype} are no scalar scan", where=path.name, hint=SAVE_SCALAR
        )
    n = image.GetDimension()
    direction = np.array(image.GetDirection()).reshape(n, n)[:3, :3]
    affine = np.eye(4)
    affine[:3, :3] = direction * np.array(image.GetSpacing()[:3])
    affine[:3, 3] = image.GetOrigin()[:3]
    files = (path,) if data is None else (path, data)
    return Raster(stored, LPS_TO_RAS @ affine, 1.0, 0.0, "nrrd" if is_nrrd else "mha", files)


def _check_world(path: Path, fields: dict[str, str], *, is_nrrd: bool) -> None:
    """Refuse what is no such file, or does not say where left and right are."""
    if not fields:
        raise ReadError("it holds no header of its format", where=path.name, hint=COPY_AGAIN)
    if is_nrrd:
        known = fields.get("space", "").lower() in _ANATOMICAL and "space directions" in fields
    else:
        known = any(key in fields for key in ("transformmatrix", "orientation", "rotation"))
    if not known:
        raise ReadError(
            "no world: the header gives no directions in space, so left and right are unknown",
            where=path.name,
            hint="Save it again with a program that knows the directions of its axes.",
        )


def _check_data(path: Path, fields: dict[str, str]) -> Path | None:
    """Refuse values of which not every byte can be accounted for; return their file, if another."""
    data = data_file(path, fields)
    if data is None and _data_name(fields):
        raise ReadError(
            "its values do not lie in one file beside it",
            where=path.name,
            hint="Save it as one file, e.g. as NIfTI, with the program that wrote it.",
        )
    return data


def read_fields(path: Path) -> dict[str, str]:
    """Read the text header: lower-case keys to values; empty when it is no NRRD or MetaImage."""
    with path.open("rb") as file:
        lines = file.read(_HEADER_BYTES).split(b"\n")
    is_nrrd = lines[0].startswith(b"NRRD")
    separator = b":" if is_nrrd else b"="
    fields: dict[str, str] = {}
    for line in lines[1:] if is_nrrd else lines:
        key, found, value = line.partition(separator)
        if line.startswith(b"#"):
            continue
        if not found or not key.strip().isascii():
            break
        name = key.strip().decode("ascii").lower()
        fields[name] = value.strip(b" =\r\t").decode("latin-1")
        if name == "elementdatafile":
            break
    return fields if is_nrrd or "ndims" in fields else {}


def data_file(path: Path, fields: dict[str, str]) -> Path | None:
    """Find the file beside or below the header that holds the values; None when there is none.

    A file elsewhere is none: a header in a folder, or in an archive, must not open all of the disk.
    """
    name = _data_name(fields)
    folder = path.parent.absolute()
    data = Path(os.path.normpath(folder / name))
    if not name or not data.is_relative_to(folder) or not data.is_file():
        return None
    return path.parent / data.relative_to(folder)


def _data_name(fields: dict[str, str]) -> str:
    """Return what the header names as the file of its values; empty when they follow it."""
    name = fields.get("elementdatafile") or fields.get("data file") or fields.get("datafile") or ""
    return "" if name.upper() == "LOCAL" else name
