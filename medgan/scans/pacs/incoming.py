"""Where a fetched instance is kept, and whether one that is there already is whole."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import DeflatedExplicitVRLittleEndian

from medgan.scans.pacs.peer import RemoteSeries

UNDEFINED_LENGTH = 0xFFFFFFFF
DELIMITERS = (b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\xdd")
"""Tag of the sequence delimitation item, little and big endian."""


def place(folder: Path, series: RemoteSeries, uid: str) -> Path:
    """Return the path of an instance: names made from UIDs, but none that can be read back."""
    return folder / f"series_{_digest(series.series)[:12]}" / f"{_digest(uid)[:24]}.dcm"


def is_whole_file(path: Path, uid: str) -> bool:
    """Tell whether a file is that instance, and not cut short."""
    try:
        return is_whole(path.read_bytes(), uid)
    except OSError:
        return False


def is_whole(data: bytes, uid: str) -> bool:
    """Tell whether these bytes are a DICOM file of that instance, and not cut short."""
    try:
        dataset = dcmread(BytesIO(data))
        # A deflated data set has an end of its own, and pydicom raises where that is missing.
        is_deflated = dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian
        is_complete = is_deflated or _reaches_its_end(dataset, data)
        return is_complete and str(dataset.SOPInstanceUID) == uid
    except Exception:  # pydicom raises whatever it meets in a damaged file
        return False


def _reaches_its_end(dataset: Dataset, data: bytes) -> bool:
    """Tell whether the last element is as long as it says; pydicom cuts it without a word."""
    last: object = dataset.get_item(max(dataset.keys()))
    if not isinstance(last, RawDataElement) or last.length == UNDEFINED_LENGTH:
        # Read up to the tag of its closing delimiter, or pydicom would have raised; the four bytes
        # after that tag it does not look at.
        at = max(data.rfind(delimiter) for delimiter in DELIMITERS)
        return 0 <= at <= len(data) - 8
    return len(last.value or b"") == last.length


def _digest(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()
