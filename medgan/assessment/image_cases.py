"""Folders to cases that can be compared: voxels in RAS order, labels, and a content hash each.

Real scans are brought to what virtual ones are: their label values, their voxels, and slices where
the model makes single slices.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medgan.assessment.ras_order import in_ras_order, ras_axes
from medgan.errors import DataError
from medgan.scans import Found, Grid, Scan, discover, load_found

if TYPE_CHECKING:
    from medgan.evaluation.image_set import ImageSet
    from medgan.models import ModelInfo

MANIFEST = "manifest.csv"
MAX_SPACING_RATIO = 1.1
GOLDEN = 0.6180339887498949

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Case:
    """One case in RAS order: image, labels, and what it is known by."""

    name: str
    image: NDArray[np.float32]
    label: NDArray[Any] | None
    sha256: str
    spacing_mm: tuple[float, ...]


def real_cases(folder: Path) -> list[Case]:
    """Read every complete case of a folder, with its labels where there are any."""
    from medgan.data import index_cases

    cases = []
    for pair in index_cases(folder).pairs:
        if pair.image.missing:
            continue
        label = None if pair.label is None else load_found(pair.label)
        cases.append(_case(pair.id, load_found(pair.image), label))
    return cases


def virtual_cases(folder: Path) -> list[Case]:
    """Read the virtual cases of a folder: those its manifest lists, else whatever pairs up."""
    manifest = folder / MANIFEST
    if not manifest.is_file():
        return real_cases(folder)
    cases = []
    with manifest.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            image, label = _files_of(folder, row)
            if _is_slice(image):
                cases.append(_slice_case(row["id"], image, label))
                continue
            labels = None if label is None else load_found(only_scan(label))
            cases.append(_case(row["id"], load_found(only_scan(image)), labels))
    return cases


def with_modelled_labels(cases: Sequence[Case], model: ModelInfo | None) -> list[Case]:
    """Leave out label values that the model was not asked to make."""
    if model is None:
        return list(cases)
    values = model.expects.get("space", {}).get("label_values", [])
    return [
        case
        if case.label is None
        else replace(case, label=np.where(np.isin(case.label, values), case.label, 0))
        for case in cases
    ]


def flat_axis(cases: Sequence[Case]) -> int | None:
    """Return the RAS axis along which all cases are a single slice thick; None for volumes."""
    thin = [{n for n, side in enumerate(case.image.shape) if side == 1} for case in cases]
    common = set.intersection(*thin) if thin else set()
    return min(common) if common else None


def slices_of(cases: Sequence[Case], axis: int, share: tuple[float, float]) -> list[Case]:
    """Take one slice of every case, evenly spread over a share of the stacks, as thin volumes."""
    taken = []
    for number, case in enumerate(cases):
        n = case.image.shape[axis]
        # Steps of the golden ratio fill an interval evenly, however many there are.
        place = share[0] + (share[1] - share[0]) * (number * GOLDEN % 1)
        here = np.array([min(int(place * n), n - 1)])
        label = None if case.label is None else case.label.take(here, axis)
        taken.append(replace(case, image=case.image.take(here, axis), label=label))
    return taken


def on_one_spacing(cases: list[Case], virtual: Sequence[Case], say: Say) -> list[Case]:
    """Resample real cases where virtual ones have other voxels, as the model's recipe asked."""
    if not cases or not virtual:
        return cases
    wanted = np.median([case.spacing_mm for case in virtual], axis=0)
    found = np.median([case.spacing_mm for case in cases], axis=0)
    if max(np.max(wanted / found), np.max(found / wanted)) <= MAX_SPACING_RATIO:
        return cases
    say(f"real scans are resampled from {found.round(2)} mm to {wanted.round(2)} mm")
    return [_resampled(case, wanted) for case in cases]


def as_sets(groups: Sequence[Sequence[Case]]) -> list[ImageSet]:
    """Bring groups of cases onto one grid and range; empty groups become empty sets of no use."""
    from medgan.evaluation.common_grid import common_grid, common_labels, common_shape
    from medgan.evaluation.image_set import ImageSet

    axis = flat_axis([case for group in groups for case in group])
    if axis is not None:
        groups = [[_flattened(case, axis) for case in group] for group in groups]
    # The smallest of the groups' typical shapes: padding would give the smaller group away.
    shapes = [common_shape([case.image.shape for case in group]) for group in groups if group]
    shape = tuple(min(sides) for sides in zip(*shapes, strict=True))
    sets = []
    for group in groups:
        if not group:
            sets.append(ImageSet(np.zeros((0, *shape), np.float32)))
            continue
        labels = [case.label for case in group if case.label is not None]
        sets.append(
            ImageSet(
                common_grid([case.image for case in group], shape),
                common_labels(labels, shape) if len(labels) == len(group) else None,
                tuple(case.name for case in group),
            )
        )
    return sets


def _flattened(case: Case, axis: int) -> Case:
    label = None if case.label is None else case.label.squeeze(axis)
    return replace(case, image=case.image.squeeze(axis), label=label)


def _case(name: str, image: Scan, label: Scan | None) -> Case:
    return Case(
        name=name,
        image=in_ras_order(image.values, image.grid.orientation),
        label=None if label is None else in_ras_order(label.values, label.grid.orientation),
        sha256=image.content_hash,
        spacing_mm=tuple(image.spacing_mm[axis] for axis in ras_axes(image.grid.orientation)),
    )


def _is_slice(path: Path) -> bool:
    """Whether a file is a single slice, which is no scan to `discover`."""
    from medgan.scans.volume_files import read_raster, volume_suffix

    return bool(path.is_file() and volume_suffix(path) and 1 in read_raster(path).stored.shape[:3])


def _slice_case(name: str, image: Path, label: Path | None) -> Case:
    """Read a virtual slice; nothing was trained on it, so it needs no hash."""
    values, grid = _plain(image)
    orientation = grid.orientation
    return Case(
        name=name,
        image=in_ras_order(values.astype(np.float32), orientation),
        label=None if label is None else in_ras_order(_plain(label)[0], orientation),
        sha256="",
        spacing_mm=tuple(grid.spacing_mm[axis] for axis in ras_axes(orientation)),
    )


def _plain(path: Path) -> tuple[NDArray[Any], Grid]:
    from medgan.scans.volume_files import read_raster

    raster = read_raster(path)
    i, j, k = raster.stored.shape[:3]
    return raster.physical(raster.stored), Grid((i, j, k), raster.affine)


def _files_of(folder: Path, row: dict[str, str]) -> tuple[Path, Path | None]:
    """Take plain NIfTI before the nnU-Net layout, whose label values are renumbered."""
    plain, plain_label = folder / f"{row['id']}.nii.gz", folder / f"{row['id']}_label.nii.gz"
    if plain.is_file():
        return plain, plain_label if plain_label.is_file() else None
    image = folder / row["image"]
    is_slice = image.suffix == ".dcm"
    label = folder / row["label"] if row["label"] and not is_slice else None
    return image.parent if is_slice else image, label


def only_scan(path: Path, axis: int | None = None) -> Found:
    """Find the one scan of a file or folder.

    Parameters
    ----------
    axis
        Slice axis of a volume file, where it is known.

    Raises
    ------
    DataError
        If it holds none, or several.
    """
    scans = discover(path, axis).scans
    if len(scans) != 1:
        raise DataError(
            f"expected one scan, found {len(scans)}",
            where=path.name,
            hint="`medgan inspect` lists what is there; name the file or folder of one scan.",
        )
    return scans[0]


def _resampled(case: Case, spacing_mm: NDArray[np.float64]) -> Case:
    """Bring one case to a spacing: image linear, labels nearest, as training does it."""
    from scipy.ndimage import zoom

    sides = np.asarray(case.image.shape)
    factors = tuple(np.where(sides == 1, 1.0, np.asarray(case.spacing_mm) / spacing_mm))
    image = zoom(case.image, factors, order=1, mode="nearest", grid_mode=True)
    label = case.label
    if label is not None:
        label = zoom(label, factors, order=0, mode="nearest", grid_mode=True)
    return replace(case, image=image, label=label, spacing_mm=tuple(map(float, spacing_mm)))
