"""Frames of an enhanced multi-frame object as image planes (PS3.3 C.7.6.16).

Frame order is no order: each frame's own position counts. Rescale and pixel size come from the
functional groups, shared or per frame; readers that look for them at the top level are off by
the intercept.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from medgan.scans.dicom_place import NO_RESCALE, line_damage, place_of, rescale, value_damage
from medgan.scans.dicom_tags import Tags
from medgan.scans.dicom_traits import image_kind
from medgan.scans.planes import Header, Plane

PIXEL_VALUES = 0x00289145
"""Pixel Value Transformation Sequence: the rescale of a frame."""

_POSITION_POINTERS = {0x00209056, 0x00209057, 0x00200032, 0x00209313, 0x0020930F, 0x00209171}


class Groups:
    """Functional groups of one frame: its own first, then the shared ones."""

    def __init__(self, shared: Tags | None, own: Tags) -> None:
        self._places = [own] if shared is None else [own, shared]

    def macro(self, sequence: int) -> Tags | None:
        """Return the only item of a functional group sequence, None when there is none."""
        for place in self._places:
            item = place.item(sequence)
            if item is not None:
                return item
        return None

    def number(self, sequence: int, tag: int, vr: str = "DS") -> float | None:
        """Return one number of a functional group."""
        item = self.macro(sequence)
        return None if item is None else item.number(tag, vr)


def frame_planes(tags: Tags, header: Header) -> tuple[Plane, ...]:
    """Describe every frame of an enhanced object; frames without groups come out unplaced."""
    shared = tags.item(0x52009229)
    own = tags.items(0x52009230)
    pointers = _pointers(tags)
    # The number of frames comes from the file: only groups that are there may be counted on.
    n_placed = min(header.n_frames, len(own))
    if n_placed < header.n_frames:
        lost = f"{header.n_frames - n_placed} frames have no place in the header and are not read"
        header = replace(header, notes=(*header.notes, lost))
    if n_placed == 0:
        return (Plane(header, 0, None, damage=header.damage),)
    groups = [Groups(shared, own[frame]) for frame in range(n_placed)]
    header, common = _common_rescale(tags, header, groups)
    return tuple(_plane(header, frame, one, pointers, common) for frame, one in enumerate(groups))


def _common_rescale(
    tags: Tags, header: Header, groups: list[Groups]
) -> tuple[Header, tuple[float, float, str]]:
    """Slope, intercept and fault of frames whose groups hold no rescale; noted in the header.

    The standard has none at the top level of an enhanced object. What some writers put there
    counts only where no group says anything.
    """
    n_bare = sum(one.macro(PIXEL_VALUES) is None for one in groups)
    if n_bare == len(groups) and (0x00281052 in tags or 0x00281053 in tags or 0x00283000 in tags):
        note = "the rescale is taken from the top level of the header: no frame has one of its own"
        slope, intercept = rescale(tags)
        common = (slope, intercept, value_damage(tags, slope, intercept))
        return replace(header, notes=(*header.notes, note)), common
    note = ""
    if 0 < n_bare < len(groups):
        note = f"{n_bare} of {len(groups)} frames have no rescale: their values are as stored"
    elif n_bare and header.modality == "ct":
        note = NO_RESCALE
    notes = (*header.notes, note) if note else header.notes
    return replace(header, notes=notes), (1.0, 0.0, "")


def _pointers(tags: Tags) -> tuple[int, ...]:
    """Return what each number of Dimension Index Values counts, as tag numbers."""
    return tuple(item.pointer(0x00209165) or 0 for item in tags.items(0x00209222))


def _plane(
    header: Header,
    frame: int,
    groups: Groups,
    pointers: tuple[int, ...],
    common: tuple[float, float, str],
) -> Plane:
    values = groups.macro(PIXEL_VALUES)
    slope, intercept, fault = common
    if values is not None:
        slope, intercept = rescale(values)
        fault = line_damage(slope, intercept)
    return Plane(
        header=header,
        frame=frame,
        known_place=place_of(*(groups.macro(s) for s in (0x00209113, 0x00209116, 0x00289110))),
        slope=slope,
        intercept=intercept,
        tags=_frame_tags(groups, pointers),
        damage=_damage(header, frame, fault),
    )


def _damage(header: Header, frame: int, rescale_fault: str) -> str:
    """Say why one frame is of no use; an object that was cut short loses its last frames only."""
    if 0 <= (frame + 1) * header.pixels.frame_bytes <= header.pixel_bytes:
        return rescale_fault
    return header.damage or rescale_fault


def _frame_tags(groups: Groups, pointers: tuple[int, ...]) -> Mapping[str, Hashable]:
    content = groups.macro(0x00209111)
    kind = groups.macro(0x00189226) or groups.macro(0x00189329) or groups.macro(0x00189751)
    echo_ms = groups.number(0x00189114, 0x00189082, "FD")
    tags: dict[str, Hashable] = {
        "kind": "" if kind is None else image_kind(kind.texts(0x00089007), kind.text(0x00089208)),
        "echo": None if echo_ms is None else float(f"{echo_ms:.3g}"),
        "b-value": groups.number(0x00189117, 0x00189087, "FD"),
        "time point": None if content is None else content.integer(0x00209128, "UL"),
        "trigger time": groups.number(0x00189118, 0x00209153, "FD"),
        "stack": "" if content is None else content.text(0x00209056),
    }
    index = () if content is None else content.numbers(0x00209157, "UL")
    for pointer, value in zip(pointers, index, strict=False):
        if pointer not in _POSITION_POINTERS:
            tags[f"dimension {pointer:08X}"] = value
    return tags
