"""Compare outputs with the scan they came from, found again by its content, not by its name."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np

from medgan.errors import MedganError, ValidationError
from medgan.record import ScanRecord
from medgan.scans.discover import discover
from medgan.scans.listing import Found
from medgan.scans.load import load_found
from medgan.scans.region import read_region
from medgan.scans.scan import Scan
from medgan.scans.validate import validate


class Sources:
    """Scans that outputs may have come from.

    Parameters
    ----------
    root
        The folder or file that was converted, or one that holds it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places: dict[Path, tuple[Found, ...]] = {}
        self._hashes: dict[tuple[Path, str], tuple[str, ...]] = {}

    def find(self, record: ScanRecord) -> Scan | None:
        """Return the scan whose slices are those that the record calls measured.

        It is looked for among the files that the record names, and else below the whole root:
        a de-identified record names none.
        """
        told = measured(record)
        if not told:
            return None
        named = self._named(record)
        listed = self._listed(named) if named is not None else ()
        return self._among(listed, record, told) or self._among(self._all, record, told)

    def has_named(self, record: ScanRecord) -> bool:
        """Whether a file that the record names is there, whatever it holds."""
        return self._named(record) is not None

    @cached_property
    def _all(self) -> tuple[Found, ...]:
        return self._listed(self._root)

    def _named(self, record: ScanRecord) -> Path | None:
        """Return the smallest path that holds the files a record names, None if one is gone."""
        base = self._root if self._root.is_dir() else self._root.parent
        files = [base / name for name in record.sources]
        if not files or not all(file.is_file() for file in files):
            return None
        return files[0] if len(files) == 1 else Path(os.path.commonpath([f.parent for f in files]))

    def _listed(self, place: Path) -> tuple[Found, ...]:
        if place not in self._places:
            try:
                self._places[place] = discover(place).scans
            except MedganError:
                self._places[place] = ()
        return self._places[place]

    def _among(
        self, listed: Sequence[Found], record: ScanRecord, told: tuple[str, ...]
    ) -> Scan | None:
        for found in listed:
            n_slices = found.present.size
            if found.format != record.format or n_slices < len(told):
                continue
            if is_ordered_part(told, self._slices(found)):
                return load_found(found)
        return None

    def _slices(self, found: Found) -> tuple[str, ...]:
        """Return the hashes of the slices of a scan, in order; none if it cannot be read."""
        key = (found.source.root, f"{found.source.files[0]} {found.id}")
        if key not in self._hashes:
            try:
                scan = load_found(found)
            except MedganError:
                self._hashes[key] = ()
            else:
                present = np.flatnonzero(scan.present).tolist()
                self._hashes[key] = tuple(scan.slice_hash(p) for p in present)
        return self._hashes[key]


def measured(record: ScanRecord) -> tuple[str, ...]:
    """Return the hashes of measured slices in order of position."""
    by_position = record.measured_hashes.items()
    return tuple(told for p, told in sorted(by_position, key=lambda pair: int(pair[0])))


def is_ordered_part(part: Sequence[str], whole: Sequence[str]) -> bool:
    """Whether all entries of `part` come in `whole`, in the same order."""
    rest = iter(whole)
    return all(entry in rest for entry in part)


def validate_against(source: Scan, record: ScanRecord, out: Path) -> str:
    """Compare outputs with their source voxel by voxel and place by place.

    Returns
    -------
    What is not as it was, empty if all is. Where slices were opened, added or resampled, positions
    are new and the hashes, which `Sources.find` has compared, are all there is.
    """
    if record.resampled or source.grid.shape != record.shape:
        return ""
    try:
        before = _as_taken(source, record, out)
        validate([out / name for name in record.outputs if (out / name).is_file()], before)
    except ValidationError as fault:
        return f"{fault.where}: against its source: {fault.what}"
    except MedganError as fault:
        return f"it cannot be compared with its source: {fault.what}"
    return ""


def _as_taken(source: Scan, record: ScanRecord, out: Path) -> Scan:
    """Return the source with those slices and voxels taken out that were filled over."""
    touched = set(record.synthetic) if record.regions else set()
    kept = {int(p) for p in record.measured_hashes} | touched
    gone = [p for p in np.flatnonzero(source.present).tolist() if p not in kept]
    before = replace(source, id=record.id).without(gone)
    if not record.regions:
        return before
    masks = [out / name for name in record.outputs if name.endswith("_mask.nii.gz")]
    if not masks or not masks[0].is_file():
        raise ValidationError("the mask of the filled region is not there", where=record.id)
    return before.with_region(read_region(masks[0], source.grid))
