"""Text that is burned into pixels leaves with them, whatever becomes of the header."""

from __future__ import annotations

from collections.abc import Iterable

from medgan.errors import SeriesError
from medgan.scans.dicom_source import SourceSlice, is_from_dicom, source_slices
from medgan.scans.scan import Scan


def refuse_burned_in_text(scan: Scan) -> None:
    """Refuse to de-identify a scan whose source files say that their pixels hold text.

    In whatever format it is to be written. A scan from another format says nothing about it.

    Raises
    ------
    SeriesError
        If one of them does.
    ReadError
        If a source file has gone.
    """
    if is_from_dicom(scan):
        refuse_burned_in(source_slices(scan), scan)


def refuse_burned_in(slices: Iterable[SourceSlice], scan: Scan) -> None:
    """Do the same for slices of a scan whose headers are read already."""
    if any(str(one.header.get("BurnedInAnnotation", "")).upper() == "YES" for one in slices):
        raise SeriesError(
            "its header says that text is burned into the pixels, which may identify the person",
            where=scan.id,
            hint="Write it without --deidentify, or remove the text from the pixels first.",
        )
