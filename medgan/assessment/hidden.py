"""Proof on a person's own complete scans: slices taken away, restored, scored, and looked at."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from medgan.errors import MedganError, ReadError, UsageError, printable
from medgan.record import dump
from medgan.scans import Scan, discover, load_found
from medgan.scans.apart import check_apart
from medgan.scans.atomic import write_bytes

if TYPE_CHECKING:
    from medgan.interpolation import Filler
    from medgan.restoration.hide_and_score import HiddenResult

Say = Callable[[str], None]
SHOWN = ("mixture", "linear")
"""Methods in the picture: what would be filled in, and what everybody has."""


@dataclasses.dataclass(frozen=True, eq=False)
class Hidden:
    """One protocol on one scan."""

    scan: Scan
    protocol: str
    result: HiddenResult


@dataclasses.dataclass(frozen=True)
class Unscored:
    """A scan, or one protocol on it, that could not be scored, and why."""

    name: str
    reason: str


def judge_hidden(
    path: Path, protocols: Sequence[str], fillers: Sequence[Filler], say: Say
) -> Iterator[Hidden | Unscored]:
    """Take slices away from every scan below a path, restore and score them.

    Yields
    ------
    Hidden or Unscored
        One per scan and protocol; one per file that was refused or scan that failed.

    Raises
    ------
    ReadError
        If no scan was long enough, or there is none.
    """
    listing = discover(path)
    n_scored = 0
    for refused in listing.refused:
        yield Unscored(
            printable(", ".join(map(listing.name_of, refused.files[:3]))), refused.reason
        )
    for found in listing.images:
        try:
            for hidden in _hide(load_found(found), protocols, fillers, say):
                n_scored += isinstance(hidden, Hidden)
                yield hidden
        except MedganError as error:
            yield Unscored(found.id, error.what)
    if not n_scored:
        raise ReadError(
            "there is no scan that slices could be taken from",
            where=str(path),
            hint="Give a scan of at least ten slices that are all there.",
        )


def _hide(
    scan: Scan, protocols: Sequence[str], fillers: Sequence[Filler], say: Say
) -> Iterator[Hidden | Unscored]:
    from medgan.restoration.hide_and_score import hide_and_score, positions_of

    inner = range(1, scan.n_positions - 1)
    for protocol in protocols:
        taken = [p for p in positions_of(protocol, scan.n_positions) if p in inner]
        targets = _measured_between(scan, taken)
        made = [p for p in taken if scan.present[p] and not scan.truth[p]]
        if not taken:
            yield Unscored(scan.id, f"{protocol}: {scan.n_positions} slices are too few")
            continue
        if not scan.present[taken].all():
            yield Unscored(scan.id, f"{protocol}: slices it would take are missing already")
            continue
        if made or not targets:
            yield Unscored(
                scan.id,
                f"{protocol}: of the {len(taken)} slices it would take, {len(made)} were made by a "
                f"program and are no truth; {len(targets)} measured ones are scored",
            )
        if targets:
            say(f"{scan.id}  {protocol}")
            yield Hidden(scan, protocol, hide_and_score(scan, targets, protocol, fillers))


def _measured_between(scan: Scan, taken: Sequence[int]) -> list[int]:
    """Return the positions that were measured and have a measured slice left on either side."""
    left = scan.truth.copy()
    left[list(taken)] = False
    there = np.flatnonzero(left)
    if not there.size:
        return []
    return [p for p in taken if scan.truth[p] and there[0] < p < there[-1]]


def check_output(path: Path, out: Path) -> None:
    """Refuse an output folder that holds files, or does not lie apart from the scans.

    Raises
    ------
    UsageError
        Before anything is scored.
    """
    check_apart(path, out)
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(
            "the output folder holds files", where=str(out), hint="Name a new folder with -o."
        )


def draw_worst(hidden: Hidden, out: Path) -> Path:
    """Draw the slice that the mixture filled worst, as `<scan>_<protocol>.png`."""
    from medgan.report import hidden_slice_figure

    scan, worst = hidden.scan, hidden.result.worst
    return hidden_slice_figure(
        worst.true,
        {name: worst.filled[name] for name in SHOWN},
        scan.axis,
        scan.spacing_mm,
        out / f"{scan.id}_{hidden.protocol}.png",
        caption=f"Position {worst.position}, the worst of {hidden.protocol}: measured, filled, "
        "and the absolute error.",
        orientation=scan.grid.orientation,
        modality=scan.modality,
    )


def write_scores(document: dict[str, Any], out: Path) -> list[Path]:
    """Write `hidden.json`, and its scores by scan, protocol and method as `hidden.csv`."""
    files = [out / "hidden.json", out / "hidden.csv"]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, list(document["scans"][0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(document["scans"])
    write_bytes(files[0], dump(document).encode())
    write_bytes(files[1], table.getvalue().encode())
    return files
