"""What the objects that highdicom makes for us have in common: sources in, clock and chance out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from medgan.errors import ReadError
from medgan.scans.dicom_parts import file_meta
from medgan.scans.dicom_uids import derive_uid
from medgan.scans.listing import LIST_AGAIN

_CLOCK = ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime")


def read_sources(sources: Sequence[Path | Dataset]) -> list[Dataset]:
    """Read the headers of the series an object refers to; data sets are taken as they are.

    Raises
    ------
    ReadError
        If a file cannot be read.
    """
    return [source if isinstance(source, Dataset) else _read(source) for source in sources]


def _read(path: Path) -> Dataset:
    try:
        return pydicom.dcmread(path, stop_before_pixels=True)
    except Exception as error:  # pydicom raises nearly anything on damaged files
        raise ReadError("cannot be read as DICOM", where=path.name, hint=LIST_AGAIN) from error


def settle(made: Dataset, sources: Sequence[Dataset]) -> None:
    """Take out clock times and random identifiers, and pass on the mark of synthetic data.

    Body Part Examined is passed on as well, which highdicom does not do.
    """
    _drop_clock(made)
    # Both are mandatory; the source's, or else the calendar's first day, which says nothing.
    made.ContentDate = str(sources[0].get("ContentDate", "") or "") or "19000101"
    made.ContentTime = str(sources[0].get("ContentTime", "") or "") or "000000"
    organization = UID(derive_uid("dimensions", str(made.SOPInstanceUID)))
    for item in made.DimensionOrganizationSequence:
        item.DimensionOrganizationUID = organization
    for item in made.DimensionIndexSequence:
        item.DimensionOrganizationUID = organization
    if any(source.get("SyntheticData") == "YES" for source in sources):
        made.SyntheticData = "YES"
    body_part = str(sources[0].get("BodyPartExamined", "") or "")
    if body_part:
        made.BodyPartExamined = body_part
    made.file_meta = file_meta(made.SOPClassUID, made.SOPInstanceUID)


def _drop_clock(made: Dataset) -> None:
    for keyword in _CLOCK:
        if keyword in made:
            delattr(made, keyword)
    for item in made.get("ContributingEquipmentSequence") or []:
        if "ContributionDateTime" in item:
            del item.ContributionDateTime
