"""Slices that do not fit their neighbours, in every scan below a path: found, listed, drawn."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medgan.errors import MedganError, ReadError
from medgan.scans import Found, Listing, Scan, load_found
from medgan.scans.atomic import write_bytes

if TYPE_CHECKING:
    from medgan.restoration.detect import Detection, Suspect

COLUMNS = ("scan", "rank", "position", "instance", "kind", "score", "like")


@dataclass(frozen=True, eq=False)
class Looked:
    """One scan that was looked through."""

    found: Found
    scan: Scan
    detection: Detection


@dataclass(frozen=True, eq=False)
class Unlooked:
    """One scan that could not be, and why."""

    found: Found
    error: MedganError


def look_for_damage(listing: Listing) -> Iterator[Looked | Unlooked]:
    """Look through every image of a listing, one at a time.

    Raises
    ------
    ReadError
        If there is none.
    """
    from medgan.restoration.detect import detect_damage

    if not listing.images:
        raise ReadError(
            "there is no scan here that can be read",
            where=str(listing.root),
            hint="Give a folder of DICOM series, or NIfTI, NRRD or MHA volumes.",
        )
    for found in listing.images:
        try:
            scan = load_found(found)
            yield Looked(found, scan, detect_damage(scan))
        except MedganError as error:
            yield Unlooked(found, error)


def draw_suspect(looked: Looked, suspect: Suspect, out: Path) -> Path:
    """Draw a slice between its neighbours as `<scan>_position_<p>.png`."""
    from medgan.report import suspect_figure
    from medgan.restoration.detect import predict

    scan, at = looked.scan, suspect.position
    planes = np.moveaxis(scan.values, scan.axis, 0)
    before, after = suspect.neighbours
    expected = predict(scan, suspect)
    return suspect_figure(
        {f"position {p}": planes[p] for p in (before, at, after)},
        expected,
        np.nan_to_num(np.abs(planes[at] - expected)),
        scan.axis,
        scan.spacing_mm,
        out / f"{scan.id}_position_{at:03d}.png",
        title=f"Position {at}: {suspect.words}, {suspect.score:.2f} times the threshold",
        orientation=scan.grid.orientation,
        modality=scan.modality,
    )


def as_json(looked: Looked) -> dict[str, object]:
    """Return what is said of one scan as plain JSON."""
    detection = looked.detection
    return {
        "id": looked.found.id,
        "n_slices": int(looked.scan.present.sum()),
        "damaged": [_plain(suspect) for suspect in detection.damaged],
        "others": [_plain(suspect) for suspect in detection.others],
        "unjudged": list(detection.unjudged),
    }


def write_table(rows: list[tuple[str, Suspect]], path: Path) -> Path:
    """Write every damaged slice as one line of CSV, scan by scan, worst first."""
    table = io.StringIO(newline="")
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    rank: dict[str, int] = {}
    for scan, suspect in rows:
        rank[scan] = rank.get(scan, 0) + 1
        plain = _plain(suspect)
        writer.writerow([scan, rank[scan], *(plain[name] for name in COLUMNS[2:])])
    write_bytes(path, table.getvalue().encode())
    return path


def _plain(suspect: Suspect) -> dict[str, object]:
    return {
        "position": suspect.position,
        "instance": suspect.instance,
        "kind": suspect.kind,
        "score": suspect.score,
        "like": suspect.like,
        "either": suspect.either,
    }
