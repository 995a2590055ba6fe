"""Write NIfTI-1: stored values as they are, scaling in the header, both transforms set.

The header is filled by nibabel; the values are appended here, since nibabel would divide them by
the scaling and round, and measured values have to come back bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError, SeriesError, UsageError
from medgan.scans.atomic import gzipped, write_bytes
from medgan.scans.grid import POSITION_MM, Grid, corner_distance
from medgan.scans.nifti import LABEL_INTENT, pair_of, read_header
from medgan.scans.scan import Scan

MASK_TEXT = "medgan mask: 1 = synthetic"
MISSING_TEXT = "medgan mask: 1 = missing"
LABELS_TEXT = "medgan labels"
_SCANNER = 1
_MM, _SECONDS = 2, 8


@dataclass(frozen=True)
class _Codes:
    """What is kept of a NIfTI source's header: where the world is, and the time step."""

    sform: int = _SCANNER
    time_step: float = 1.0
    time_unit: int = _SECONDS
    intent: int = 0
    intent_p: tuple[float, float, float] = (0.0, 0.0, 0.0)
    shown: tuple[float, float] = (0.0, 0.0)


def write_nifti(
    scan: Scan | Sequence[Scan], path: Path, *, provenance: str = "", sheared: bool = False
) -> Path:
    """Write a scan as `.nii` or `.nii.gz`, or the volumes of a 4D file together.

    Stored type and scaling are those of the scan, so measured values come back bit for bit. Where
    the rescale differs from slice to slice (some DICOM series) the values are float32 physical
    ones instead: NIfTI has one scaling for all, and the promise is then DICOM's alone.

    Parameters
    ----------
    scan
        One scan, or the volumes of one 4D file in order.
    provenance
        Goes into `descrip` (79 characters, ASCII).
    sheared
        Write the sheared affine of a tilted stack; only sform can hold it, qform is left out.

    Raises
    ------
    SeriesError
        If the grid of a DICOM stack is sheared and `sheared` is false: readers that take qform,
        or cannot hold shear, would displace the slices.
    WriteError
        If the file cannot be written.
    """
    scans = [scan] if isinstance(scan, Scan) else list(scan)
    first = _checked(scans)
    if not sheared and first.format != "nifti" and first.grid.is_tilted(first.axis):
        drift_mm = first.grid.drift_mm(first.axis)
        raise SeriesError(
            f"the stack is tilted: slices drift by {drift_mm:.1f} mm over its length",
            where=first.id,
            hint="Use --sheared to write the sheared affine, --resample for a straight grid, or "
            "--format dicom to keep the stack.",
        )
    array, slope, intercept = _values(scans)
    what = "synthetic" if all(s.made_voxels.all() for s in scans) else "written"
    if what == "written" and any(s.made_voxels.any() for s in scans):
        what = "restored"
    header = _header(array, first.grid, _codes(first))
    header["scl_slope"], header["scl_inter"] = slope, intercept
    header["descrip"] = _ascii(f"{what} by medgan. {provenance}", 79)
    return _write(path, header, array)


def write_mask(scan: Scan | Sequence[Scan], path: Path) -> Path:
    """Write where a scan is synthetic: uint8, 1 in every voxel that was made, else 0."""
    scans = [scan] if isinstance(scan, Scan) else list(scan)
    first = _checked(scans)
    array = _joined([one.made_voxels.view(np.uint8) for one in scans])
    return _write_labels(array, first.grid, path, _codes(first), MASK_TEXT)


def write_missing_mask(scan: Scan | Sequence[Scan], path: Path) -> Path:
    """Write which slices of a scan do not exist: uint8, 1 in every voxel of such a slice."""
    scans = [scan] if isinstance(scan, Scan) else list(scan)
    first = _checked(scans)
    array = _joined([_along(one, ~one.present).view(np.uint8) for one in scans])
    return _write_labels(array, first.grid, path, _codes(first), MISSING_TEXT)


def write_labels(
    labels: NDArray[np.integer], grid: Grid, path: Path, *, like: Scan | None = None
) -> Path:
    """Write a label map in the smallest unsigned type that holds it.

    Parameters
    ----------
    like
        A scan from NIfTI whose world code is kept (MNI stays MNI).

    Raises
    ------
    UsageError
        If a label is negative, or the shape is not that of the grid.
    """
    if labels.shape != grid.shape or int(labels.min(initial=0)) < 0:
        raise UsageError(
            f"labels of shape {labels.shape} from {labels.min(initial=0)} on do not fit a grid of "
            f"shape {grid.shape}; whole numbers from 0 on expected",
            where=path.name,
            hint="Give labels and grid of one scan, stored the same way.",
        )
    array = labels.astype(np.min_scalar_type(int(labels.max(initial=0))))
    codes = _Codes() if like is None else _codes(like)
    return _write_labels(array, grid, path, codes, LABELS_TEXT)


def write_map(values: NDArray[np.floating], grid: Grid, path: Path, text: str) -> Path:
    """Write a map of real numbers as 32-bit floats.

    Parameters
    ----------
    values
        `(i, j, k)` on the grid.
    text
        What is mapped, and its unit: goes into `descrip`.

    Raises
    ------
    UsageError
        If the shape is not that of the grid.
    """
    if values.shape != grid.shape:
        raise UsageError(
            f"a map of shape {values.shape} on a grid {grid.shape}",
            where=path.name,
            hint="Give values and grid of one scan, stored the same way.",
        )
    array = values.astype(np.float32)
    header = _header(array, grid, _Codes())
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["descrip"] = _ascii(f"medgan map: {text}", 79)
    return _write(path, header, array)


def _write_labels(
    array: NDArray[np.generic], grid: Grid, path: Path, codes: _Codes, text: str
) -> Path:
    header = _header(array, grid, codes)
    header["scl_slope"], header["scl_inter"] = 1.0, 0.0
    header["intent_code"] = LABEL_INTENT
    header["descrip"] = _ascii(text, 79)
    return _write(path, header, array)


def _checked(scans: Sequence[Scan]) -> Scan:
    """Return the first volume; all must share shape, grid and stored type."""
    if not scans:
        raise UsageError("no scan to write", hint="Give one scan, or the volumes of a 4D one.")
    first = scans[0]
    for other in scans[1:]:
        same = other.stored.shape == first.stored.shape and other.stored.dtype == first.stored.dtype
        if not same or not np.allclose(other.affine, first.affine, atol=1e-4):
            raise UsageError(
                "volumes of one 4D file differ in grid or type",
                where=other.id,
                hint="Write each into a file of its own.",
            )
    return first


def _values(scans: Sequence[Scan]) -> tuple[NDArray[np.generic], float, float]:
    """Array to write with its scaling: stored values, or physical ones where they must be."""
    pairs = {
        (float(a), float(b))
        for scan in scans
        for a, b in zip(scan.slope[_here(scan)], scan.intercept[_here(scan)], strict=True)
    }
    if len(pairs) == 1:
        (slope, intercept) = pairs.pop()
        arrays = [scan.stored for scan in scans]
        exact = slope == np.float32(slope) and intercept == np.float32(intercept)
        if exact or _is_close_enough(scans, slope, intercept):
            return _joined(arrays), slope, intercept
    return _joined([np.nan_to_num(scan.values, copy=False) for scan in scans]), 1.0, 0.0


def _here(scan: Scan) -> NDArray[np.bool_]:
    return scan.present if scan.present.any() else np.ones_like(scan.present)


def _is_close_enough(scans: Sequence[Scan], slope: float, intercept: float) -> bool:
    """Whether float32 scaling, all that NIfTI-1 has, moves no value by a tenth of a step."""
    if any(scan.stored.dtype.kind == "f" for scan in scans):
        return True
    ends = (float(end) for scan in scans for end in (scan.stored.min(), scan.stored.max()))
    largest = max(map(abs, ends))
    moved = largest * abs(slope - float(np.float32(slope)))
    moved += abs(intercept - float(np.float32(intercept)))
    return moved < 0.1 * abs(slope)


def _along(scan: Scan, flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Spread flags of slices (n,) over their voxels, `(i, j, k)`; a view."""
    shape = [1, 1, 1]
    shape[scan.axis] = scan.n_positions
    return np.broadcast_to(flags.reshape(shape), scan.grid.shape)


def _joined(arrays: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
    return arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=3)


def _header(array: NDArray[np.generic], grid: Grid, codes: _Codes) -> nib.Nifti1Header:
    family: Any = nib.Nifti1Header if max(array.shape) < 1 << 15 else nib.Nifti2Header
    header: nib.Nifti1Header = family(endianness="<")
    header.set_data_dtype(array.dtype.newbyteorder("<"))
    header.set_data_shape(array.shape)
    header.set_sform(grid.affine, code=codes.sform)
    header.set_qform(grid.affine, code=codes.sform, strip_shears=True)
    # A quaternion holds no shear, and of a turn by nearly 180 degrees it is rounded by hundredths
    # of a millimetre at the corners: readers that take qform would find voxels elsewhere.
    if corner_distance(header.get_qform(), grid.affine, grid.shape) > POSITION_MM:
        header["qform_code"] = 0
    if array.ndim == 4:
        header["pixdim"][4] = codes.time_step
    header["xyzt_units"] = _MM + (codes.time_unit if array.ndim == 4 else 0)
    header["intent_code"] = codes.intent
    for n, value in enumerate(codes.intent_p, start=1):
        header[f"intent_p{n}"] = value
    header["cal_min"], header["cal_max"] = codes.shown
    header["magic"] = b"n+1" if family is nib.Nifti1Header else header["magic"]
    header["vox_offset"] = family.single_vox_offset
    return header


def _codes(scan: Scan) -> _Codes:
    """Read what is kept of the header that a NIfTI scan came with."""
    source = scan.source.files[0] if scan.format == "nifti" and scan.source.files else None
    if source is None:
        return _Codes()
    try:
        header = read_header(pair_of(source)[0])
    except ReadError:
        return _Codes()  # made in memory, or gone since it was read
    step = float(header["pixdim"][4])
    return _Codes(
        sform=int(header["sform_code"]) or int(header["qform_code"]) or _SCANNER,
        time_step=step if np.isfinite(step) and step > 0 else 1.0,
        time_unit=int(header["xyzt_units"]) & 0x38,
        intent=int(header["intent_code"]),
        intent_p=(
            float(header["intent_p1"]),
            float(header["intent_p2"]),
            float(header["intent_p3"]),
        ),
        shown=(float(header["cal_min"]), float(header["cal_max"])),
    )


def _ascii(text: str, length: int) -> bytes:
    return text.encode("ascii", "replace")[:length]


def _write(path: Path, header: nib.Nifti1Header, array: NDArray[np.generic]) -> Path:
    head = header.binaryblock
    parts = chain([head.ljust(int(header["vox_offset"]), b"\0")], _slabs(array))
    write_bytes(path, gzipped(parts) if path.name.lower().endswith(".gz") else parts)
    return path


def _slabs(array: NDArray[np.generic]) -> Iterator[bytes]:
    """Yield the values in the order of the file, first axis fastest, a part at a time."""
    little = array.dtype.newbyteorder("<")
    for number in range(array.shape[-1]):
        yield array[..., number].astype(little, copy=False).tobytes(order="F")
