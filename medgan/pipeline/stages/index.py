"""index: what lies below the input. Scans with gaps go on; everything else is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from medgan.errors import ReadError, UsageError
from medgan.pipeline.stage import Context, Done, Item, Listed, Source, Volume, Work
from medgan.record import Failure, ScanRecord
from medgan.scans import (
    Found,
    Listing,
    Refused,
    SetAside,
    discover,
    files_of_volume,
    load_found,
    volume_suffix,
)
from medgan.settings import Settings

_VOLUME = re.compile(r"_v\d{3,}(?=(_\d+)?$)")


class IndexSettings(Settings):
    """What to look for, and what to take on."""

    take: Literal["gaps", "all", "none"] = "gaps"
    """Scans that go on to the next stages: those with gaps, all images, or none (a pipeline whose
    later stages read the folder themselves, e.g. to train on it)."""
    missing: tuple[int, ...] = ()
    """Zero-based positions to fill over, whatever they hold; for an input of one scan only."""
    axis: int | None = Field(None, ge=0, le=2)
    """Slice axis of files without a header that tells it; None: found from gaps and spacing."""
    modality: Literal["ct", "mr"] | None = None
    """Modality of all scans, where headers do not tell it or tell it wrong."""


def list_scans(settings: IndexSettings, context: Context, done: Done) -> Listed:
    """List the input.

    Raises
    ------
    UsageError
        If there is no input, or `missing` does not fit it.
    ReadError
        If nothing below it can be read.
    """
    if context.input is None:
        raise UsageError("no input was named", hint="Name a folder of scans.")
    listing = discover(context.input, settings.axis, settings.modality)
    if not listing.scans:
        raise _nothing_readable(listing)
    asked = _with_missing(listing, settings.missing) if settings.missing else None
    refused = tuple(_refused(entry, listing) for entry in listing.refused)
    notes = tuple(
        {"files": [listing.name_of(f) for f in entry.files], "reason": entry.reason}
        for entry in listing.set_aside
    )
    if settings.take == "none":
        return Listed((), refused, notes)
    items, records = [], []
    for volumes in _files(listing.scans):
        if asked is not None and volumes[0].id == asked.id:
            items.append(_item(volumes, (asked,), listing))
        elif _is_taken(volumes, settings):
            items.append(_item(volumes, volumes, listing))
        else:
            records += [record_of(found, listing) for found in volumes]
    return Listed(tuple(items), (*refused, *records), notes)


def open_scan(
    item: Item, settings: IndexSettings, context: Context, loaded: None
) -> Iterator[Work]:
    """Read one scan, or all volumes of one 4D file."""
    volumes = []
    for found, record in zip(item.payload, item.records, strict=True):
        scan = load_found(found)
        measured = scan.without(settings.missing) if settings.missing else scan
        volumes.append(Volume(measured, scan, record))
    yield Work(item.id, tuple(volumes))


def record_of(found: Found, listing: Listing) -> ScanRecord:
    """Put what is known of a scan before any work into a record."""
    is_label = found.kind == "label"
    notes = ("label map: listed, never filled", *found.notes) if is_label else found.notes
    return ScanRecord(
        id=found.id,
        status="complete",
        format=found.format,
        modality=found.modality,
        shape=found.grid.shape,
        spacing_mm=tuple(round(step, 6) for step in found.grid.spacing_mm),
        orientation=found.grid.orientation,
        axis=found.axis,
        ruler=found.ruler,
        missing=found.missing,
        missing_instances=found.missing_instances,
        damaged=found.damaged,
        sources=tuple(listing.name_of(file) for file in input_files([found])),
        notes=notes,
    )


def input_files(volumes: Sequence[Found]) -> tuple[Path, ...]:
    """Return the files of one item, each once, those that lie beside a detached header included."""
    files: dict[Path, None] = {}
    for found in volumes:
        for file in found.source.files:
            if file is not None:
                files[file] = None
    if len(files) == 1:
        (header,) = files
        if volume_suffix(header):
            return files_of_volume(header)
    return tuple(files)


def _files(scans: Sequence[Found]) -> Iterator[tuple[Found, ...]]:
    """Put the volumes of one 4D file together; everything else stands alone."""
    together: dict[object, list[Found]] = {}
    for found in scans:
        is_volume = found.source.volume is not None and found.source.n_volumes > 1
        key = (found.source.files[0], found.kind) if is_volume else found.id
        together.setdefault(key, []).append(found)
    yield from map(tuple, together.values())


def _is_taken(volumes: Sequence[Found], settings: IndexSettings) -> bool:
    if volumes[0].kind == "label":
        return False
    return settings.take == "all" or any(found.missing for found in volumes)


def _item(volumes: Sequence[Found], shown: Sequence[Found], listing: Listing) -> Item:
    """Make an item of what is loaded and, where a person named missing slices, how it is shown."""
    first = volumes[0]
    name = first.id if len(volumes) == 1 else _VOLUME.sub("", first.id)
    return Item(
        id=name,
        payload=tuple(volumes),
        facts={"found": [found.as_json() for found in shown]},
        files=input_files(volumes),
        records=tuple(record_of(found, listing) for found in shown),
    )


def _with_missing(listing: Listing, positions: Sequence[int]) -> Found:
    """Return how the one scan of a listing is shown with these positions missing as well."""
    names = [found.id for found in listing.images]
    if len(names) != 1:
        raise UsageError(
            f"missing positions are for one scan, found {len(names)}",
            where="--missing",
            hint="Name the folder or file of that scan alone.",
        )
    (found,) = listing.images
    present = found.present.copy()
    measured = np.flatnonzero(present)
    first, last = int(measured[0]), int(measured[-1])
    outside = [p for p in positions if not first < p < last]
    if outside:
        raise UsageError(
            f"positions {', '.join(map(str, outside))} have no measured slice on both sides",
            where=f"--missing, {found.id}",
            hint=f"Positions are zero-based; between {first + 1} and {last - 1} can be filled.",
        )
    present[list(positions)] = False
    return replace(found, present=present)


def _refused(entry: Refused, listing: Listing) -> ScanRecord:
    names = tuple(listing.name_of(file) for file in entry.files)
    return ScanRecord(
        id=names[0],
        status="failed",
        sources=names,
        failure=Failure("index", "Refused", entry.reason, hint="`medgan inspect` says more."),
    )


def _nothing_readable(listing: Listing) -> ReadError:
    entries: list[Refused | SetAside] = [*listing.refused, *listing.set_aside]
    first = entries[0]
    more = sum(len(entry.files) for entry in entries) - 1
    rest = f"; {more} more files, `medgan inspect` lists them" if more else ""
    return ReadError(
        f"no scan can be read: {listing.name_of(first.files[0])}: {first.reason}{rest}",
        where=str(listing.root),
        hint="Give a folder of DICOM series, or NIfTI, NRRD or MHA volumes.",
    )


INDEX: Source = Source("index", 1, IndexSettings, list_scans, open_scan)
