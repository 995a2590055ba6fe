"""From the image planes of many files to scans: series by series, stack by stack."""

from __future__ import annotations

from collections.abc import Hashable, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from medgan.scans.decode_check import undecodable
from medgan.scans.dicom_copies import drop_same_instances
from medgan.scans.dicom_split import Stack, group, skewed, split_series
from medgan.scans.dicom_stack import Outcome, build_stack, files_of
from medgan.scans.dicom_strays import note_strays
from medgan.scans.listing import Found
from medgan.scans.planes import Plane

_SCAN_MODALITIES = {"ct", "mr", "pt"}
_NO_STACK = {
    "MOSAIC": "a Siemens mosaic: each file is a whole volume tiled into one picture, no slice",
    "LOCALIZER": "a localizer, no stack",
    "PROJECTION": "a projection or reformat made from a stack, no stack of slices",
}


def sort_out(planes: Sequence[Plane], root: Path, base: Path) -> Outcome:
    """Turn planes into scans, refusals and files set aside; each file lands in one of them.

    Parameters
    ----------
    planes
        Of any number of series, in any order.
    root, base
        What the person named, and the folder that names of files are relative to.
    """
    outcome = Outcome()
    checked = check_decoding(planes)
    for series in group(checked, series_key).values():
        one = Outcome()
        try:
            _sort_series(series, root, base, one)
        except Exception as error:  # no series' fault, foreseen or not, may cost the others
            one = Outcome()
            one.refuse(series, f"its headers make no sense ({type(error).__name__})")
        outcome.add(one)
    return outcome


def series_key(plane: Plane) -> Hashable:
    """Series Instance UID; where it is blank, the folder and what else the header tells."""
    header = plane.header
    if header.series_uid:
        return header.series_uid
    return (str(header.path.parent), header.blank_key)


def check_decoding(planes: Sequence[Plane]) -> Stack:
    """Mark planes of compressed files that do not decode as damaged."""
    doubtful = files_of([plane for plane in planes if plane.header.needs_decoding])
    faults = undecodable(doubtful)
    if not faults:
        return list(planes)
    return [
        replace(plane, damage=faults[plane.path]) if plane.path in faults else plane
        for plane in planes
    ]


def _sort_series(series: Stack, root: Path, base: Path, outcome: Outcome) -> None:
    stackable: Stack = []
    for kind, planes in group(series, _kind).items():
        reason = next((_NO_STACK[k] for k in _NO_STACK if k in str(kind)), "")
        if reason:
            outcome.put_aside(planes, reason)
        else:
            stackable += planes
    unplaced = [plane for plane in stackable if plane.known_place is None]
    _sort_unplaced(unplaced, outcome)
    placed, copies = drop_same_instances(
        [plane for plane in stackable if plane.known_place is not None]
    )
    outcome.put_aside(copies, "copies of slices that are read from other files")
    if not placed:
        return
    stacks = split_series(placed)
    angle = skewed(stacks)
    if angle:
        outcome.refuse(
            placed, f"the slices of one series are not parallel: they differ by {angle:.2f} degrees"
        )
        return
    first_scan = len(outcome.scans)
    for stack in stacks:
        n_before = len(outcome.scans)
        build_stack(stack, root, base, outcome)
        others = [other for other in stacks if other is not stack]
        outcome.scans[n_before:] = [
            note_strays(found, others, base) for found in outcome.scans[n_before:]
        ]
    _add_series_notes(outcome, first_scan, placed, len(unplaced), len(copies))


def _kind(plane: Plane) -> str:
    return str(plane.tags.get("kind", "") or plane.header.kind)


def _sort_unplaced(planes: Stack, outcome: Outcome) -> None:
    scans = [plane for plane in planes if plane.header.modality in _SCAN_MODALITIES]
    damaged = [plane for plane in scans if plane.damage]
    lost = [plane for plane in scans if not plane.damage]
    pictures = [p for p in planes if p.header.modality not in _SCAN_MODALITIES]
    for plane in damaged:
        outcome.refuse([plane], f"{plane.damage}, and its position is not known")
    outcome.refuse(
        lost,
        "no position, orientation or pixel size in the header: where these slices lie is unknown",
    )
    outcome.put_aside(pictures, "pictures without a position in space, no stack")


def _add_series_notes(
    outcome: Outcome, first_scan: int, placed: Stack, n_unplaced: int, n_copies: int
) -> None:
    scans = outcome.scans[first_scan:]
    notes = []
    if n_unplaced:
        notes.append(f"{n_unplaced} files of this series could not be placed; see the refusals")
    if n_copies:
        notes.append(f"{n_copies} files are copies of other slices and are not used")
    n_positions = sum(found.grid.shape[2] for found in scans)
    expected = max((p.header.expected_images or 0 for p in placed), default=0)
    single_volume = all(p.header.modality == "pt" for p in placed)
    if single_volume and scans:
        n_positions = max(found.grid.shape[2] for found in scans)
    if expected > n_positions:
        notes.append(
            f"the header says {expected} images, {n_positions} positions are known: "
            f"{expected - n_positions} may be missing at the ends"
        )
    if len(scans) > 1:
        notes.append(f"one of {len(scans)} stacks that the files of one series were split into")
    known = expected if expected > n_positions and len(scans) == 1 else None
    used = {plane.header.instance for plane in placed}
    outcome.scans[first_scan:] = [
        replace(
            found,
            notes=(*found.notes, *notes, *_skipped_numbers(found, used)),
            expected_images=known,
        )
        for found in scans
    ]


def _skipped_numbers(found: Found, used: Set[int | None]) -> list[str]:
    """Say so when a stack without gaps counts by two or more, and nothing uses what it skips.

    Every other slice of a series looks like a whole series of twice the step: only its numbers
    remember.
    """
    numbers = [number for number in found.instances if number is not None]
    steps = {b - a for a, b in pairwise(numbers)}
    if len(numbers) != found.grid.shape[2] or len(steps) != 1:
        return []
    step = abs(steps.pop())
    if step < 2 or used & (set(range(min(numbers), max(numbers))) - set(numbers)):
        return []
    return [
        f"instance numbers count by {step}: only every {step}. slice may be here; "
        "positions are trusted"
    ]
