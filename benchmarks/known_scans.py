"""The scans that `configs/splits.yaml` knows, cut to the part that is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from medgan.data.splits import Part, Role, crop_to_part, part_of_hash
from medgan.scans import Found, Scan, discover, load_found

HOME = "hippocampus"
"""Folder of the small hippocampus crops, which have a protocol of their own."""

OMITTED = ("mr_enhanced_multiframe_phantom",)
"""A test object of plastic, of use for reading files only."""

MIN_SLICES = 10


def known_scans(data: Path, role: Role, *, home: bool, limit: int | None) -> Iterator[Scan]:
    """Yield complete CT and MR scans of one part, in the order of their ids.

    Parameters
    ----------
    home
        The hippocampus crops, or everything else.
    limit
        At most so many, evenly spread; None for all.
    """
    there = [f for f in discover(data).images if (_source(f) == HOME) == home and _is_fit(f)]
    pieces = [(found, part) for found in there for part in _parts(found, role)]
    step = max(1, len(pieces) // limit) if limit else 1
    for found, part in pieces[::step][:limit]:
        yield crop_to_part(load_found(found), part)


def source_of(scan: Scan) -> str:
    """Return the data set a scan belongs to."""
    return scan.id.split("/")[0]


def _source(found: Found) -> str:
    return found.id.split("/")[0]


def _is_fit(found: Found) -> bool:
    return (
        found.modality in {"ct", "mr"}
        and not found.missing
        and found.grid.shape[found.axis] >= MIN_SLICES
        and _source(found) not in OMITTED
    )


def _parts(found: Found, role: Role) -> list[Part]:
    """Return the stretch of a scan that belongs to a part; the rest of a split stack is test."""
    scan = load_found(found)
    part = part_of_hash(scan.content_hash)
    if part is None:
        return []
    if part.role == role:
        return [part]
    if role == "test" and part.positions is not None:
        return [Part("test", range(part.positions.stop, scan.n_positions))]
    return []
