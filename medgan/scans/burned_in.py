"""Text that is burned into pixels leaves with them, whatever becomes of the header."""

from __future__ import annotations

from medgan.scans.dicom_order import refuse_burned_in
from medgan.scans.dicom_source import is_from_dicom, source_slices
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
        for one in source_slices(scan):
            refuse_burned_in(one.header, scan)
