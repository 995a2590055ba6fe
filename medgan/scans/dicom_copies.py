"""Recognise files that are copies of each other: same position, same pixels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from medgan.errors import ReadError
from medgan.scans.dicom_pixels import read_stored
from medgan.scans.dicom_split import Stack, repeated
from medgan.scans.planes import Plane


def drop_same_instances(planes: Sequence[Plane]) -> tuple[Stack, Stack]:
    """Drop planes with the SOP Instance UID, position and pixels of another one.

    Runs before a series is split, so that a folder copied twice does not look like two time points.

    Returns
    -------
    The planes kept, and the copies dropped, each in the given order.
    """
    seen: dict[object, Plane] = {}
    kept: Stack = []
    copies: Stack = []
    for plane in planes:
        header = plane.header
        place = tuple(plane.place.position.round(3))
        key = (header.sop_uid, plane.frame, place)
        first = seen.setdefault(key, plane)
        if first is plane or not header.sop_uid or not is_copy(first, plane):
            kept.append(plane)
        else:
            copies.append(plane)
    return kept, copies


def drop_copies(planes: Sequence[Plane]) -> tuple[Stack, Stack]:
    """Drop, at each position, planes with the pixels of another one, and damaged ones beside it.

    Returns
    -------
    The planes kept, and the copies dropped. Positions that hold unlike images keep all of them.
    """
    copies: set[int] = set()
    for same_place in repeated(planes):
        intact = [n for n in same_place if not planes[n].damage]
        pool = intact or same_place[:1]
        copies.update(n for n in same_place if n not in pool)
        for n in pool[1:]:
            if is_copy(planes[pool[0]], planes[n]):
                copies.add(n)
    kept = [plane for n, plane in enumerate(planes) if n not in copies]
    return kept, [planes[n] for n in sorted(copies)]


def is_copy(first: Plane, second: Plane) -> bool:
    """Whether two planes hold the same stored values under the same rescale."""
    if (first.slope, first.intercept) != (second.slope, second.intercept):
        return False
    if first.damage or second.damage:
        return False
    try:
        return _fingerprint(first) == _fingerprint(second)
    except ReadError:
        return False


def _fingerprint(plane: Plane) -> bytes:
    (stored,) = read_stored(plane.header, [plane.frame or 0])
    return hashlib.sha256(stored.astype("<i8").tobytes()).digest()
