"""From a volume file (NIfTI, NRRD, MetaImage) to `Found` scans, one for each volume, and back."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError, SeriesError
from medgan.scans.constant_slices import ConstantRuns, constant_runs
from medgan.scans.grid import Grid
from medgan.scans.itk_formats import data_file, read_fields, read_itk
from medgan.scans.labels import has_label_values, is_named_label
from medgan.scans.listing import LIST_AGAIN, Found
from medgan.scans.made_slices import MadeSlices, made_slices
from medgan.scans.names import safe_name, stem_of
from medgan.scans.nifti import pair_of, read_nifti
from medgan.scans.rasters import Raster
from medgan.scans.scan import Scan, Source

CT_BELOW_HU, CT_PERCENTILE = -500.0, 0.5
"""Every CT holds air (-1000 HU) or padding below it; values of MR do not go there."""

TIE = 1.001
"""Ratio up to which two spacings count as equal: headers round them."""

SHEAR_NOTED_DEGREES = 0.05
"""Beyond what affines of single precision, and quaternions, are off by rounding."""

MAX_SAMPLE = 1 << 21
"""Voxels that percentiles are taken of, about."""

READERS = {
    ".nii": read_nifti,
    ".nii.gz": read_nifti,
    ".nii.bz2": read_nifti,
    ".hdr": read_nifti,
    ".hdr.gz": read_nifti,
    ".hdr.bz2": read_nifti,
    ".img": read_nifti,
    ".img.gz": read_nifti,
    ".img.bz2": read_nifti,
    ".nrrd": read_itk,
    ".nhdr": read_itk,
    ".mha": read_itk,
    ".mhd": read_itk,
}
"""Formats of volume files, by suffix."""


def volume_suffix(path: Path) -> str:
    """Return the suffix by which a file is a volume file, empty when it is none."""
    name = path.name.lower()
    return next((suffix for suffix in READERS if name.endswith(suffix)), "")


def files_of_volume(path: Path) -> tuple[Path, ...]:
    """Return the files that a volume file names or is named with, as far as they are there."""
    if READERS[volume_suffix(path)] is read_nifti:
        with contextlib.suppress(ReadError):
            return tuple(dict.fromkeys(pair_of(path)))
        return (path,)
    other = data_file(path, read_fields(path))
    return (path,) if other is None else (path, other)


def read_raster(path: Path) -> Raster:
    """Read a volume file as stored; its suffix picks the reader."""
    return READERS[volume_suffix(path)](path)


def describe_volumes(
    path: Path, root: Path, base: Path, axis: int | None = None
) -> tuple[list[Found], tuple[Path, ...]]:
    """Describe every volume of one file: grid, gaps, kind, modality.

    Parameters
    ----------
    root, base
        What the person named, and the folder that names of files are relative to.
    axis
        Look for gaps along this axis only, and take it as the slice axis.

    Returns
    -------
    The scans, and the files they take up.

    Raises
    ------
    ReadError
        If the file cannot be read, or has no place in the world.
    SeriesError
        If it holds no stack, or gaps along more than one axis.
    """
    raster = read_raster(path)
    shape = raster.stored.shape
    if min(shape[:3]) < 2:
        raise NoStackError(f"a single slice ({' x '.join(map(str, shape))} voxels), no stack")
    indices = [None] if raster.stored.ndim == 3 else list(range(shape[3]))
    found = [_describe(raster, index, path, root, base, axis) for index in indices]
    return found, raster.files


class NoStackError(SeriesError):
    """A volume file that holds no stack of slices: set aside, no failure."""


def load_volume(found: Found) -> Scan:
    """Read one volume that `describe_volumes` has found.

    Raises
    ------
    ReadError
        If the file has gone or changed since.
    """
    path = found.source.files[0]
    if path is None:
        raise ReadError("its file is not known", where=found.id, hint=LIST_AGAIN)
    state = path.stat()
    read = _read_kept if found.source.n_volumes > 1 else _read_now
    raster = read(path, state.st_mtime_ns, state.st_size)
    stored = raster.volume(found.source.volume)
    if stored.shape != found.grid.shape:
        raise ReadError(
            f"shape is {stored.shape}, {found.grid.shape} when it was listed",
            where=found.id,
            hint=LIST_AGAIN,
        )
    n = found.grid.shape[found.axis]
    made = made_slices(raster, path, found.source.volume)
    return Scan(
        id=found.id,
        stored=stored,
        grid=found.grid,
        axis=found.axis,
        present=found.present,
        synthetic=made.along(found.axis, n) & found.present,
        slope=np.full(n, raster.slope),
        intercept=np.full(n, raster.intercept),
        modality=found.modality,
        format=found.format,
        source=found.source,
        notes=found.notes,
        region=made.voxels,
    )


def _read_now(path: Path, modified_ns: int, size: int) -> Raster:
    return read_raster(path)


_read_kept = lru_cache(maxsize=1)(_read_now)
"""The volumes of a 4D file are loaded one by one: the file is read once for all of them."""


def _describe(
    raster: Raster, index: int | None, path: Path, root: Path, base: Path, axis: int | None
) -> Found:
    volume = raster.volume(index)
    grid = Grid((volume.shape[0], volume.shape[1], volume.shape[2]), raster.affine)
    if _is_constant(volume):
        raise NoStackError("every voxel has the same value, no image")
    label = is_named_label(path, base) or has_label_values(volume)
    made = MadeSlices() if label else made_slices(raster, path, index)
    axis = made.axis if axis is None else axis
    sliced = _label_runs(grid, axis) if label else gaps_of(volume, grid, axis)
    modality, note = ("ot", "") if label else guess_modality(raster, volume)
    notes = [*raster.notes, *(text for text in (_shear_note(grid), note, made.note) if text)]
    notes += ["label map: listed, never filled"] if label else _gap_notes(volume, sliced)
    name = safe_name(stem_of(path), dots=True) or raster.format
    return Found(
        id=name if index is None else f"{name}_v{index:03d}",
        kind="label" if label else "image",
        format=raster.format,
        modality=modality,
        grid=grid,
        axis=sliced.axis,
        present=~sliced.missing,
        source=Source(
            root=root,
            files=(path,),
            volume=index,
            n_volumes=raster.n_volumes,
        ),
        n_files=len(raster.files),
        empty_ends=sliced.ends,
        notes=tuple(notes),
        holds_made=made.any,
    )


def _shear_note(grid: Grid) -> str:
    skew = grid.skew_degrees
    if skew < SHEAR_NOTED_DEGREES:
        return ""
    return (
        f"voxel axes are up to {skew:.2f} degrees off right angles: the grid is sheared, "
        "which many programs cannot read"
    )


def gaps_of(volume: NDArray[np.generic], grid: Grid, axis: int | None) -> ConstantRuns:
    """Find the slice axis and its gaps.

    Returns
    -------
    The runs along `axis` where it is given; else along the only axis with a gap; else, without
    gaps, along the axis of the largest spacing (the last one where they tie).

    Raises
    ------
    SeriesError
        If more than one axis has a gap.
    """
    if axis is not None:
        return constant_runs(volume, axis)
    sorted_runs = [constant_runs(volume, a) for a in range(3)]
    gapped = [one for one in sorted_runs if one.missing.any()]
    if len(gapped) > 1:
        axes = " and ".join(str(one.axis) for one in gapped)
        raise SeriesError(
            f"constant slices inside structure along axes {axes}: which of them are missing slices "
            "cannot be told",
            hint="Name the slice axis with --axis 0, 1 or 2.",
        )
    return gapped[0] if gapped else sorted_runs[slice_axis(grid)]


def slice_axis(grid: Grid) -> int:
    """Axis of the largest spacing; the last one where they tie to 0.1 %."""
    spacing = grid.spacing_mm
    return max(a for a in range(3) if spacing[a] * TIE >= max(spacing))


def guess_modality(raster: Raster, volume: NDArray[np.generic]) -> tuple[str, str]:
    """Tell CT from MR by the stored values (i, j, k) of a file alone, and say so.

    CT where the 0.5 percentile is below -500 and values are whole numbers, else MR.
    """
    stride = max(1, round((volume.size / MAX_SAMPLE) ** (1 / 3)))
    sample = raster.physical(volume[::stride, ::stride, ::stride])
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return "mr", "no finite values: taken for MR"
    low = float(np.percentile(sample, CT_PERCENTILE))
    is_ct = low < CT_BELOW_HU and bool((sample == np.rint(sample)).all())
    name = "ct" if is_ct else "mr"
    return name, f"taken for {name.upper()} by its values (0.5 percentile {low:.0f})"


def _label_runs(grid: Grid, axis: int | None) -> ConstantRuns:
    """Label maps have no gaps: empty slices between labels are labels too."""
    along = slice_axis(grid) if axis is None else axis
    return ConstantRuns(along, np.zeros(grid.shape[along], dtype=bool), (), ())


def _gap_notes(volume: NDArray[np.generic], sliced: ConstantRuns) -> list[str]:
    notes = []
    if sliced.missing.any():
        notes.append("gaps are runs of constant slices inside structure: the file marks none")
    notes += [
        f"constant slices {run.first} to {run.first + run.length - 1} lie between two objects: "
        "background, no gap"
        for run in sliced.between
    ]
    if volume.dtype.kind == "f":
        n_odd = int(np.count_nonzero(~np.isfinite(volume)))
        if n_odd:
            notes.append(f"{n_odd} voxels hold no finite value")
    return notes


def _is_constant(volume: NDArray[np.generic]) -> bool:
    first = volume.flat[0]
    return bool((volume == first).all() or (volume != volume).all())


def with_modality(found: Found, modality: str | None) -> Found:
    """Return the scan with the modality the person gave, if any; label maps keep theirs."""
    if modality is None or found.kind == "label" or modality == found.modality:
        return found
    return replace(
        found, modality=modality, notes=(*found.notes, f"modality {modality.upper()} as given")
    )
