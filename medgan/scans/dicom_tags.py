"""Raw values of a DICOM data set, parsed without pydicom's conversions.

A thousand slice headers have to be indexed in seconds, and pydicom's typed conversions cost as much
as the reading itself. Faulty values come out as absent instead of as an exception, and a value
that the end of the file cut short counts as absent: half a position looks like a position.
"""

from __future__ import annotations

import math
import struct
from typing import cast

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

_BINARY = {"US": "H", "SS": "h", "UL": "L", "SL": "l", "FL": "f", "FD": "d"}


class Tags:
    """Read access to one data set or sequence item by tag number."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __contains__(self, tag: int) -> bool:
        return tag in self._dataset

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return the values of a text element, blanks stripped; empty when absent."""
        element = self._element(tag)
        if element is None:
            return ()
        value = element.value
        if isinstance(value, bytes):
            parts = value.decode("latin-1").strip("\0 ").split("\\")
            return tuple(part.strip("\0 ") for part in parts)
        if value is None or value == "":
            return ()
        values = value if isinstance(value, (MultiValue, list, tuple)) else [value]
        return tuple(str(item).strip("\0 ") for item in values)

    def text(self, tag: int) -> str:
        """Return a text element as a whole, blanks stripped; empty when absent."""
        return "\\".join(self.texts(tag))

    def numbers(self, tag: int, vr: str = "DS") -> tuple[float, ...]:
        """Return numbers of a decimal or binary element; empty when absent, faulty or infinite."""
        element = self._element(tag)
        if element is None:
            return ()
        try:
            written = element.VR if element.VR not in (None, "UN", "") else vr
            if isinstance(element, RawDataElement) and written in _BINARY:
                values = _unpack(element, _BINARY[written])
            else:
                values = tuple(float(part) for part in self.texts(tag) if part)
        except (ValueError, OverflowError, struct.error):
            return ()
        return values if all(math.isfinite(value) for value in values) else ()

    def number(self, tag: int, vr: str = "DS") -> float | None:
        """Return the first number of an element, None when absent or faulty."""
        values = self.numbers(tag, vr)
        return values[0] if values else None

    def integer(self, tag: int, vr: str = "IS") -> int | None:
        """Return the first number of an element as an integer, None when absent or faulty."""
        value = self.number(tag, vr)
        return None if value is None else int(value)

    def pointer(self, tag: int) -> int | None:
        """Return the tag number that an attribute-tag element holds, None when absent or faulty."""
        element = self._element(tag)
        if element is None or not element.value:
            return None
        if isinstance(element, RawDataElement):
            words = _unpack(element, "H")
            return int(words[0]) << 16 | int(words[1]) if len(words) == 2 else None
        return int(element.value) if isinstance(element.value, int) else None

    def items(self, tag: int) -> list[Tags]:
        """Return the items of a sequence; empty when absent or no sequence."""
        try:
            value = self._dataset[tag].value if tag in self._dataset else []
            return [Tags(item) for item in value if isinstance(item, Dataset)]
        except Exception:  # pydicom parses nested items lazily and raises whatever it meets
            return []

    def item(self, tag: int) -> Tags | None:
        """Return the first item of a sequence, None when there is none."""
        items = self.items(tag)
        return items[0] if items else None

    def _element(self, tag: int) -> RawDataElement | DataElement | None:
        element = cast("RawDataElement | DataElement | None", self._dataset.get_item(tag))
        if isinstance(element, RawDataElement) and not _whole(element):
            return None
        return element


def _whole(element: RawDataElement) -> bool:
    length = len(element.value) if element.value is not None else 0
    return element.length in (length, 0xFFFFFFFF)


def _unpack(element: RawDataElement, code: str) -> tuple[float, ...]:
    data = element.value or b""
    order = "<" if element.is_little_endian else ">"
    width = struct.calcsize(order + code)
    return struct.unpack(f"{order}{len(data) // width}{code}", data[: len(data) // width * width])
