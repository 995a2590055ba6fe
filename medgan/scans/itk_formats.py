"""Read NRRD and MetaImage: SimpleITK parses the header, and what it ignores there is read here."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError
from medgan.scans.grid import LPS_TO_RAS
from medgan.scans.itk_values import Wanted, read_values
from medgan.scans.rasters import COPY_AGAIN, Raster

SAVE_SCALAR = "Save one channel as a volume of whole or real numbers."
SAVE_PLACED = "Save it again with a program that knows the place of its voxels."
_HEADER_BYTES = 1 << 20
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

_TYPES = {
    **{f"sitkInt{8 * n}": f"i{n}" for n in (1, 2, 4, 8)},
    **{f"sitkUInt{8 * n}": f"u{n}" for n in (1, 2, 4, 8)},
    **{f"sitkFloat{8 * n}": f"f{n}" for n in (4, 8)},
}
"""NumPy's names of the pixel types that SimpleITK tells apart."""

_UNIT_MM = {"m": 1e3, "cm": 10.0, "mm": 1.0, "um": 1e-3, "µm": 1e-3, "": 1.0, "?": 1.0, "???": 1.0}
"""Millimetres of each unit of length; the last three say that it is not known, as no unit does."""


def read_itk(path: Path) -> Raster:
    """Read one `.nrrd`, `.nhdr`, `.mha` or `.mhd` file.

    Raises
    ------
    ReadError
        If it cannot be read, is cut short or damaged, has no place in the world, or holds vectors.
    """
    head = _read_head(path)
    fields, is_nrrd = head.fields, path.suffix.lower() in {".nrrd", ".nhdr"}
    _check_world(path, fields, is_nrrd=is_nrrd)
    data = _check_data(path, fields)
    if fields.get("encoding", "").lower() in {"bz2", "bzip2"}:
        raise ReadError(
            "unsupported encoding bzip2", where=path.name, hint="Save it with gzip encoding."
        )
    image = _information(path)
    shape, dtype = _matrix(path, image)
    affine, notes = _affine(path, fields, image, is_nrrd=is_nrrd)
    slope, intercept = (1.0, 0.0) if is_nrrd else _intensity(path, fields)
    if (slope, intercept) != (1.0, 0.0):
        notes.append(f"values are stored ones x {slope:g} + {intercept:g}, as the header says")
    wanted = Wanted(path, data, head.end, shape, dtype)
    stored, odd = read_values(wanted, fields, is_nrrd=is_nrrd)
    files = (path,) if data is None else (path, data)
    name = "nrrd" if is_nrrd else "mha"
    return Raster(stored, affine, slope, intercept, name, files, (*notes, *odd))


def _information(path: Path) -> Any:
    """SimpleITK's reader with the header read, and nothing else."""
    import SimpleITK

    SimpleITK.ProcessObject.SetGlobalWarningDisplay(False)
    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise ReadError(
            "SimpleITK cannot read its header: damaged, cut short or of a kind it does not know",
            where=path.name,
            hint=COPY_AGAIN,
        ) from error
    return reader


def _matrix(path: Path, image: Any) -> tuple[tuple[int, ...], np.dtype[np.generic]]:
    """Shape and type of the values; refuse what is no scalar volume."""
    import SimpleITK

    n_dims, n_components = image.GetDimension(), image.GetNumberOfComponents()
    if n_components != 1 or n_dims not in (3, 4):
        raise ReadError(
            f"{n_dims} dimensions with {n_components} components; "
            "a scalar 3D or 4D volume is expected",
            where=path.name,
            hint=SAVE_SCALAR,
        )
    for pixel, name in _TYPES.items():
        if getattr(SimpleITK, pixel) == image.GetPixelID():
            return tuple(image.GetSize()), np.dtype(name)
    kind = SimpleITK.GetPixelIDValueAsString(image.GetPixelID())
    raise ReadError(f"values of type {kind} are no scalar scan", where=path.name, hint=SAVE_SCALAR)


def _affine(
    path: Path, fields: dict[str, str], image: Any, *, is_nrrd: bool
) -> tuple[NDArray[np.float64], list[str]]:
    """Voxel index to RAS+ mm, and what the header leaves open about it."""
    n = image.GetDimension()
    spacing = np.array(image.GetSpacing()[:3])
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(n, n)[:3, :3] * spacing
    affine[:3, 3] = image.GetOrigin()[:3]
    sound = np.isfinite(affine).all() and (spacing > 0).all()
    if not sound or abs(np.linalg.det(affine[:3, :3] / spacing)) < 1e-6:
        raise ReadError(
            "its directions and spacing make no grid", where=path.name, hint=SAVE_PLACED
        )
    unit = _units_mm(path, fields, is_nrrd=is_nrrd)
    affine[:3] *= unit[:, None]
    notes = []
    if (unit != 1).any():
        sizes = ", ".join(f"{size:g}" for size in dict.fromkeys(unit.tolist()))
        notes.append(f"lengths in the file are in units of {sizes} mm")
    keys = ("spaceorigin",) if is_nrrd else ("Offset", "Position", "Origin")
    if not any(key in fields for key in keys):
        notes.append("the header gives no origin: the first voxel is taken to lie at 0, 0, 0")
    return LPS_TO_RAS @ affine, notes


def _units_mm(path: Path, fields: dict[str, str], *, is_nrrd: bool) -> NDArray[np.float64]:
    """Millimetres of a unit along each axis of the world (3,); 1 where the header names none."""
    if is_nrrd:
        texts = re.findall(r'"([^"]*)"', fields.get("spaceunits", ""))[:3]
    else:
        texts = [fields.get("DistanceUnits", "")] * 3
    units = [_UNIT_MM.get(text.strip(), math.nan) for text in texts] or [1.0, 1.0, 1.0]
    is_garbled = is_nrrd and "spaceunits" in fields and not texts
    if is_garbled or len(units) != 3 or math.isnan(sum(units)):
        raise ReadError(
            "its unit of length is not known; m, cm, mm or um are expected",
            where=path.name,
            hint="Save it again in millimetres.",
        )
    return np.array(units)


def _intensity(path: Path, fields: dict[str, str]) -> tuple[float, float]:
    """Slope and intercept from the stored values of a MetaImage to those that are meant."""
    texts = (
        fields.get("ElementToIntensityFunctionSlope", "1"),
        fields.get("ElementToIntensityFunctionOffset", "0"),
    )
    try:
        slope, intercept = map(float, texts)
    except ValueError:
        slope, intercept = math.nan, math.nan
    if slope == 0 or not math.isfinite(slope + intercept):
        raise ReadError(
            "its intensity function (slope and offset) cannot be undone",
            where=path.name,
            hint="Save it again with the program that wrote it.",
        )
    return slope, intercept


def _check_world(path: Path, fields: dict[str, str], *, is_nrrd: bool) -> None:
    """Refuse what is no such file, or does not say where left and right are, or how far."""
    if not fields:
        raise ReadError("it holds no header of its format", where=path.name, hint=COPY_AGAIN)
    if is_nrrd:
        known = fields.get("space", "").lower() in _ANATOMICAL and "spacedirections" in fields
    else:
        known = any(key in fields for key in ("TransformMatrix", "Orientation", "Rotation"))
    if not known:
        raise ReadError(
            "no world: the header gives no directions in space, so left and right are unknown",
            where=path.name,
            hint="Save it again with a program that knows the directions of its axes.",
        )
    if not is_nrrd and "ElementSpacing" not in fields:
        raise ReadError(
            "no world: the header gives no ElementSpacing, so the size of a voxel is unknown",
            where=path.name,
            hint=SAVE_PLACED,
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


@dataclass(frozen=True)
class _Head:
    """A text header: its fields (none when it is no NRRD or MetaImage), and where it ends."""

    fields: dict[str, str]
    end: int


def read_fields(path: Path) -> dict[str, str]:
    """Read the text header: keys to values; empty when it is no NRRD or MetaImage.

    Keys of NRRD are in lower case and without blanks, which it leaves to the writer; those of
    MetaImage as written.
    """
    return _read_head(path).fields


def _read_head(path: Path) -> _Head:
    with path.open("rb") as file:
        lines = file.read(_HEADER_BYTES).split(b"\n")
    is_nrrd = lines[0].startswith(b"NRRD")
    separator = b":" if is_nrrd else b"="
    fields: dict[str, str] = {}
    end = 0
    for number, line in enumerate(lines):
        end += len(line) + 1
        key, found, value = line.partition(separator)
        if line.startswith(b"#") or (is_nrrd and (number == 0 or value.startswith(b"="))):
            continue  # a comment, the magic, or a key of somebody's own (key:=value)
        if not found or not key.strip().isascii():
            break
        name = key.strip().decode("ascii")
        name = name.replace(" ", "").lower() if is_nrrd else name
        fields[name] = value.strip(b" \r\t").decode("utf-8", "surrogateescape")
        if name == "ElementDataFile":
            break
    is_whole = is_nrrd or {"NDims", "ElementDataFile"} <= set(fields)
    return _Head(fields if is_whole and end <= _HEADER_BYTES else {}, end)


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
    name = fields.get("ElementDataFile") or fields.get("datafile") or ""
    return "" if name.upper() == "LOCAL" else name
