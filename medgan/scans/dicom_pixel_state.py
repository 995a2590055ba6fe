"""Whether the pixels that a header promises are in its file, found out without reading them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medgan.scans.planes import Header

PIXEL_DATA = 0x7FE00010
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"


def with_pixel_state(header: Header, file: BinaryIO, dataset: Dataset) -> Header:
    """Find out cheaply whether the pixels are there: element length against the file's end."""
    syntax = UID(header.pixels.transfer_syntax)
    if not syntax.is_transfer_syntax or syntax.is_private:
        return replace(header, damage="its transfer syntax is unknown")
    if syntax == DEFLATED:
        return replace(header, needs_decoding=True)
    if syntax.is_encapsulated:
        present = PixelElement.at(file, dataset) is not None
        return replace(header, needs_decoding=present, damage="" if present else "no pixel data")
    element = PixelElement.at(file, dataset)
    if element is None:
        return replace(header, damage="no pixel data")
    expected = header.pixels.frame_bytes * header.n_frames
    file_end = file.seek(0, 2)
    found = min(element.length, file_end - element.offset)
    offset = element.offset if syntax != BIG_ENDIAN else -1
    pixels = replace(header.pixels, offset=offset)
    damage = _wrong_length(found, expected, header.pixels.frame_bytes)
    notes = header.notes
    if found > expected + expected % 2:  # an odd length is padded to an even one, PS3.5 8.1.1
        notes += (f"pixel data is {found - expected} bytes longer than its matrix: not read",)
    return replace(header, pixels=pixels, damage=damage, pixel_bytes=found, notes=notes)


def _wrong_length(found: int, expected: int, frame_bytes: int) -> str:
    """Say so when pixel data are too short, or so long that the matrix must be another one."""
    if found < expected:
        return f"pixel data is cut short ({found} of {expected} bytes)"
    if found >= expected + frame_bytes:
        return f"pixel data is too long for its matrix ({found} bytes, not {expected})"
    return ""


@dataclass(frozen=True)
class PixelElement:
    """Where the value of Pixel Data (7FE0,0010) starts, and its declared length."""

    offset: int
    length: int

    @classmethod
    def at(cls, file: BinaryIO, dataset: Dataset) -> PixelElement | None:
        """Parse the element header at the file's current position, where pydicom stopped."""
        implicit, little = dataset.original_encoding
        start = file.tell()
        data = file.read(12)
        if len(data) < 12:
            return None
        order: Literal["little", "big"] = "little" if little else "big"
        group, element = (int.from_bytes(data[n : n + 2], order) for n in (0, 2))
        if (group << 16 | element) != PIXEL_DATA:
            return None
        width = 8 if implicit else 12
        return cls(start + width, int.from_bytes(data[width - 4 : width], order))
