"""Complete scans to take slices out of: found, split, normalised once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medgan.data.array_cache import ArrayCache, Made
from medgan.data.slice_samples import Volume
from medgan.data.splits import Part, Role, crop_to_part, part_of_hash
from medgan.errors import DataError, MedganError
from medgan.scans import Found, Scan, discover, load_found
from medgan.settings import digest

MIN_SLICES = 5
"""A stack with fewer slices shows nothing about what lies between two of them."""

PERCENTILES = (0.5, 99.5)
"""Of the voxels that are no padding: they become 0 and 1."""

VERSION = 1
"""Raised whenever `_normalised` changes what it makes, so that old caches are not used."""

ISOTROPIC = 1.5
"""Up to this ratio of the largest to the smallest voxel side, slices are taken along every axis."""


@dataclass(frozen=True)
class TrainingVolumes:
    """Scans of one part of the split.

    Parameters
    ----------
    volumes
        Ready to sample from.
    sha256
        Their content hashes, sorted.
    left_out
        Ids of images that are not used, with the reason.
    """

    volumes: tuple[Volume, ...]
    sha256: tuple[str, ...]
    left_out: Mapping[str, str]


def training_volumes(
    folder: Path, roles: tuple[Role, ...] = ("train",), cache: Path | None = None
) -> TrainingVolumes:
    """Read every complete CT and MR scan below a folder that belongs to a part of the split.

    Scans that `configs/splits.yaml` does not know count as training scans.

    Parameters
    ----------
    cache
        Folder of normalised volumes, which are then read through memory maps; None: they are made
        anew and held in memory.

    Raises
    ------
    DataError
        If none is left.
    """
    arrays = ArrayCache(cache)
    left_out: dict[str, str] = {}
    chosen: list[Volume] = []
    hashes: list[str] = []
    for found in discover(folder).images:
        reason = _unfit(found)
        if reason:
            left_out[found.id] = reason
            continue
        try:
            scan = load_found(found)
        except MedganError as error:
            left_out[found.id] = error.what
            continue
        sha256 = scan.content_hash
        part = part_of_hash(sha256)
        reason = _not_to_learn_from(scan, part, roles)
        if reason:
            left_out[found.id] = reason
            continue
        chosen.append(_volume(scan, sha256, part, arrays))
        hashes.append(sha256)
    if not chosen:
        raise DataError(
            f"no complete CT or MR scan to train on; {len(left_out)} left out",
            where=folder.name,
            hint="`medgan inspect` lists what there is and what is missing.",
        )
    return TrainingVolumes(tuple(chosen), tuple(sorted(hashes)), left_out)


def _unfit(found: Found) -> str:
    if found.modality not in {"ct", "mr"}:
        return f"modality {found.modality}"
    if found.missing:
        return "slices are missing"
    if found.grid.shape[found.axis] < MIN_SLICES:
        return f"fewer than {MIN_SLICES} slices"
    return ""


def _not_to_learn_from(scan: Scan, part: Part | None, roles: tuple[Role, ...]) -> str:
    if part is not None and part.role not in roles:
        return f"the split keeps it for {part.role}"
    if not scan.truth.all():
        return "some of its slices were made by a program"
    return ""


def _volume(scan: Scan, sha256: str, part: Part | None, arrays: ArrayCache) -> Volume:
    positions = None
    if part is not None:
        positions = part.positions and [part.positions.start, part.positions.stop]
        scan = crop_to_part(scan, part)
    padding = None if scan.padding is None else float(scan.padding)
    what = {"version": VERSION, "of": PERCENTILES, "padding": padding, "positions": positions}
    values, _ = arrays.get(f"{sha256}-{digest(what)}", lambda: _normalised(scan))
    spacing = scan.spacing_mm
    isotropic = max(spacing) <= ISOTROPIC * min(spacing) and min(values.shape) >= MIN_SLICES
    return Volume(
        values=values,
        spacing_mm=spacing,
        axes=(0, 1, 2) if isotropic else (scan.axis,),
        group=scan.id.split("/")[0],
    )


def _normalised(scan: Scan) -> Made:
    """Map the percentiles of what is not padding to 0..1.

    Voxels that are no numbers (outside the field of view) become 0, the low end.
    """
    values = scan.values
    inside = np.isfinite(values)
    if scan.padding is not None:
        inside &= scan.stored != scan.padding
    low, high = np.percentile(values[inside], PERCENTILES)
    values[~np.isfinite(values)] = low
    return ((values - low) / max(high - low, 1e-6)).astype(np.float32), {}
