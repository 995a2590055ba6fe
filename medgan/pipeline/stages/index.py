"""index: what lies below the input. Scans with gaps go on; everything else is named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from pydantic import Field

from medgan.errors import ReadError, UsageError
from medgan.pipeline.asked import Asked, Opened, apply_request, check_asked, open_as_asked
from medgan.pipeline.inputs import files_of_scans
from medgan.pipeline.stage import Context, Done, Item, Listed, Source, Volume, Work
from medgan.record import Failure, ScanRecord
from medgan.scans import (
    Found,
    Listing,
    Refused,
    Scan,
    SetAside,
    discover,
    image_of,
    is_made_mask,
    load_found,
    name_below,
)

_VOLUME = re.compile(r"_v\d{3,}(?=(_\d+)?$)")


class IndexSettings(Asked):
    """What to look for, and what to take on."""

    take: Literal["gaps", "all", "none"] = "gaps"
    """Scans that go on to the next stages: those with gaps, all images, or none (a pipeline whose
    later stages read the folder themselves, e.g. to train on it)."""
    labels: bool = False
    """Take label maps on as well, to convert them; without it they are named and left alone."""
    axis: int | None = Field(None, ge=0, le=2)
    """Slice axis of files without a header that tells it; None: found from gaps and spacing."""
    modality: Literal["ct", "mr"] | None = None
    """Modality of all scans, where headers do not tell it or tell it wrong."""


def list_scans(settings: IndexSettings, context: Context, done: Done) -> Listed:
    """List the input.

    Raises
    ------
    UsageError
        If there is no input, or what is asked does not fit it.
    ReadError
        If nothing below it can be read.
    """
    if context.input is None:
        raise UsageError("no input was named", hint="Name a folder of scans.")
    check_asked(settings)
    listing = discover(context.input, settings.axis, settings.modality)
    # A datalist is no scan: `preprocess` and `train` read it, and say what is wrong with it.
    is_datalist = settings.take == "none" and context.input.suffix == ".json"
    if not listing.scans and not is_datalist:
        raise _nothing_readable(listing)
    named = _only_image(listing) if settings.is_for_one_scan else None
    refused = tuple(_refused(entry, listing) for entry in listing.refused)
    notes = tuple(
        {"files": [listing.name_of(f) for f in entry.files], "reason": entry.reason}
        for entry in listing.set_aside
    )
    if settings.take == "none":
        return Listed((), refused, notes)
    items, records = [], []
    names = {found.id for found in listing.scans}
    for volumes in _files(listing.scans):
        is_image = volumes[0].kind != "label"
        as_shown = tuple(
            apply_request(v, settings, is_named=v is named) if is_image else v for v in volumes
        )
        if is_image and (volumes[0] is named or _is_taken(as_shown, settings)):
            items.append(_item(_name(volumes, names), volumes, as_shown, settings, listing))
        elif settings.labels and not is_image and not is_made_mask(volumes[0], listing.images):
            items.append(_label_item(_name(volumes, names), volumes, listing))
        else:
            records += [record_of(found, listing.root) for found in as_shown]
    return Listed(tuple(items), (*refused, *records), notes)


def open_scan(
    item: Item, settings: IndexSettings, context: Context, loaded: None
) -> Iterator[Work]:
    """Read one scan, or all volumes of one 4D file."""
    if isinstance(item.payload, _Drawn):
        yield _opened_labels(item, item.payload)
        return
    volumes = []
    for found, record in zip(item.payload, item.records, strict=True):
        # What is for one scan was checked when it was listed: no other item is here then.
        is_named = settings.is_for_one_scan
        scan = load_found(found)
        opened = open_as_asked(scan, found, settings, is_named=is_named)
        if settings.damaged == "auto":
            opened, record = _without_damaged(opened, record, scan, found, settings)
        volumes.append(
            Volume(
                opened.measured,
                opened.scan,
                record,
                marked=opened.marked,
                n_thin=opened.n_thin,
            )
        )
    yield Work(item.id, tuple(volumes))


def _without_damaged(
    opened: Opened, record: ScanRecord, scan: Scan, found: Found, settings: IndexSettings
) -> tuple[Opened, ScanRecord]:
    """Look for damaged slices, take them for missing, and say so."""
    from medgan.restoration.detect import detect_damage

    detection = detect_damage(opened.measured)
    notes = detection.notes
    if not detection.damaged:
        return opened, replace(record, notes=(*record.notes, *notes))
    gone = (*settings.missing, *sorted(suspect.position for suspect in detection.damaged))
    asked = settings.model_copy(update={"missing": gone, "damaged": ()})
    shown = apply_request(found, asked, is_named=True)
    return open_as_asked(scan, found, asked, is_named=True), replace(
        record,
        ruler=shown.ruler,
        missing=shown.missing,
        missing_instances=shown.missing_instances,
        notes=(*record.notes, *notes),
    )


def record_of(found: Found, root: Path) -> ScanRecord:
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
        sources=tuple(name_below(root, file) for file in files_of_scans([found])),
        notes=notes,
    )


def _files(scans: Sequence[Found]) -> Iterator[tuple[Found, ...]]:
    """Put the volumes of one 4D file together; everything else stands alone."""
    together: dict[object, list[Found]] = {}
    for found in scans:
        is_volume = found.source.volume is not None and found.source.n_volumes > 1
        key = (found.source.files[0], found.kind) if is_volume else found.id
        together.setdefault(key, []).append(found)
    yield from map(tuple, together.values())


def _is_taken(volumes: Sequence[Found], settings: IndexSettings) -> bool:
    is_all = settings.take == "all" or settings.is_thinner or settings.damaged == "auto"
    return is_all or any(found.missing for found in volumes)


def _name(volumes: Sequence[Found], names: set[str]) -> str:
    """Name one scan, or all volumes of a 4D file by the file: never as another scan is named."""
    if len(volumes) == 1:
        return volumes[0].id
    name = _VOLUME.sub("", volumes[0].id)
    while name in names:
        name += "_4d"
    names.add(name)
    return name


def _item(
    name: str,
    volumes: Sequence[Found],
    as_shown: Sequence[Found],
    settings: IndexSettings,
    listing: Listing,
) -> Item:
    """Make an item of what is loaded, and of how it is shown with what is asked for missing."""
    first = volumes[0]
    return Item(
        id=name,
        payload=tuple(volumes),
        facts={
            "found": [found.as_json() for found in as_shown],
            "asked": [settings.upsample, settings.spacing_mm, settings.slices]
            + ["auto"] * (settings.damaged == "auto"),
        },
        files=(*files_of_scans(volumes), *([Path(settings.mask)] if settings.mask else [])),
        records=tuple(record_of(found, listing.root) for found in as_shown),
        series=first.source.series_uid,
    )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Payload of a label map: its volumes, and the image it was drawn on."""

    volumes: tuple[Found, ...]
    image: Found | None


def _label_item(name: str, volumes: tuple[Found, ...], listing: Listing) -> Item:
    """Make an item of a label map; the image it belongs to is part of its key."""
    image = image_of(volumes[0], listing.images)
    with_image = volumes if image is None else (*volumes, image)
    first = volumes[0]
    return Item(
        id=name,
        payload=_Drawn(volumes, image),
        facts={"found": [found.as_json() for found in with_image]},
        files=tuple(dict.fromkeys((*files_of_scans(volumes), *_files_of(image)))),
        records=tuple(record_of(found, listing.root) for found in volumes),
        series=first.source.series_uid,
    )


def _files_of(image: Found | None) -> tuple[Path, ...]:
    return () if image is None else files_of_scans([image])


def _opened_labels(item: Item, drawn: _Drawn) -> Work:
    volumes = []
    for found, record in zip(drawn.volumes, item.records, strict=True):
        scan = load_found(found)
        volumes.append(Volume(scan, scan, record, is_label=True, image=drawn.image))
    return Work(item.id, tuple(volumes))


def _only_image(listing: Listing) -> Found:
    """Return the one scan of a listing, for what makes sense for one scan alone."""
    if len(listing.images) != 1:
        raise UsageError(
            f"missing, damaged or inserted positions, or a mask, are for one scan, found "
            f"{len(listing.images)}",
            where="--missing, --damaged, --insert, --mask",
            hint="Name the folder or file of that scan alone.",
        )
    return listing.images[0]


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
