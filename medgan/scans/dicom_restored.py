"""DICOM headers of a scan that came from DICOM: measured slices as they were, others in between.

`docs/formats_written.md` has it tag by tag, in the column "restored".
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import UID

from medgan.errors import SeriesError
from medgan.scans import dicom_allow as allow
from medgan.scans import dicom_parts as parts
from medgan.scans.burned_in import refuse_burned_in
from medgan.scans.dicom_order import (
    Identity,
    Order,
    add_deidentification,
    add_nobody,
    add_series,
)
from medgan.scans.dicom_pixel_write import StoredType, add_padding, add_pixels, as_texts
from medgan.scans.dicom_source import SourceSlice, source_slices
from medgan.scans.layout import as_stored
from medgan.scans.restored_provenance import add_provenance
from medgan.scans.restored_series import RestoredSeries
from medgan.scans.restored_values import add_modality, add_values
from medgan.scans.scan import Scan

NUMBER_OFFSET = 1000
"""Added to the source's series number, so that the restored series stands beside it in a list."""

MAX_NUMBER = (1 << 31) - 1
"""Largest integer string (IS), PS3.5 table 6.2-1."""

_PATIENT_TYPE_2 = (
    *("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime"),
    *("StudyID", "AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
)


def restored_datasets(scan: Scan, order: Order) -> Iterator[tuple[int, Dataset]]:
    """Make the data set of every slice that is present, with its instance number.

    Raises
    ------
    ReadError
        If a source file has gone or changed.
    SeriesError
        If a measured slice has no source file, or if de-identifying and the pixels hold text.
    """
    slices = source_slices(scan)
    kept = {one.position: one for one in slices if order.derived or _is_kept(scan, one)}
    orphans = np.flatnonzero(
        scan.present & ~scan.synthetic & ~np.isin(range(scan.n_positions), [*kept])
    )
    if orphans.size:
        raise SeriesError(
            f"measured slice {orphans[0]} has no source file",
            where=scan.id,
            hint="Mark slices that were made as synthetic.",
        )
    if not kept:
        raise SeriesError(
            "no slice is what its source file holds",
            where=scan.id,
            hint="Write it as NIfTI, or leave measured slices as they were read.",
        )
    first = kept[min(kept)]
    if order.deidentify:
        refuse_burned_in(kept.values(), scan)
    study, frame = (
        str(first.header.get(keyword, "") or "")
        for keyword in ("StudyInstanceUID", "FrameOfReferenceUID")
    )
    identity = Identity.derive(scan, order, study, frame)
    lossy = any(one.is_lossy for one in slices)
    series = RestoredSeries(scan, order, identity, kept, first, lossy)
    for position in np.flatnonzero(scan.present).tolist():
        yield position + 1, _slice(series, position)


def _is_kept(scan: Scan, one: SourceSlice) -> bool:
    """Whether a position still holds what its file holds: made slices may have replaced it."""
    if not scan.present[one.position]:
        return False
    if not scan.synthetic[one.position] or scan.region is not None:
        return True
    return np.array_equal(one.pixels().T, scan.slice(one.position))


def _slice(series: RestoredSeries, position: int) -> Dataset:
    own = series.kept.get(position)
    template = own or series.template(position)
    target = Dataset()
    _person(target, series, template)
    _series_level(target, series, template)
    _acquisition(target, series, own)
    add_modality(target, series, template)
    add_provenance(target, series, position)
    _geometry(target, series, position)
    add_values(target, series, position, template)
    pixels = _pixels(target, series, position, template)
    place = "\\".join(as_texts(target.ImagePositionPatient))
    target.SOPClassUID = UID(series.sop_class)
    target.SOPInstanceUID = series.identity.instance(place, pixels, target.SyntheticData)
    target.InstanceNumber = position + 1
    if series.modality == "PT":
        target.ImageIndex = position + 1
    target.file_meta = parts.file_meta(series.sop_class, target.SOPInstanceUID)
    return target


def _person(target: Dataset, series: RestoredSeries, template: SourceSlice) -> None:
    if series.order.deidentify:
        add_nobody(target, "Anonymous", "ANON", series.identity)
        add_deidentification(target)
        return
    allow.copy_elements(template.header, target, allow.PATIENT)
    allow.present_or_empty(target, _PATIENT_TYPE_2)


def _series_level(target: Dataset, series: RestoredSeries, template: SourceSlice) -> None:
    number = template.plane.header.series_number or 0
    add_series(target, series.identity, series.order, min(number + NUMBER_OFFSET, MAX_NUMBER))
    hide = series.order.deidentify
    allow.copy_elements(series.first.header, target, allow.SERIES, deidentify=hide)
    allow.present_or_empty(target, ("SliceThickness",))
    if str(target.get("BodyPartExamined", "")) not in allow.UNPAIRED:
        allow.present_or_empty(target, ("Laterality",))
    if series.modality:
        target.Modality = series.modality
    else:
        target.Modality = "OT" if hide else str(template.header.get("Modality", "") or "OT")
    parts.add_equipment(target)


def _acquisition(target: Dataset, series: RestoredSeries, own: SourceSlice | None) -> None:
    if own is not None and not series.order.deidentify:
        allow.copy_elements(own.header, target, allow.ACQUISITION)
    allow.present_or_empty(target, ("AcquisitionNumber",))


def _geometry(target: Dataset, series: RestoredSeries, position: int) -> None:
    """Add orientation (one text for all) and position (verbatim, or in between in decimal)."""
    allow.copy_elements(series.first.header, target, ("ImageOrientationPatient",))
    own = series.kept.get(position)
    if own is not None:
        allow.copy_elements(own.header, target, ("ImagePositionPatient",))
        return
    before, after = series.neighbours(position)
    if before is None or after is None:
        corner = as_stored(series.scan.grid).corner(position)
        target.ImagePositionPatient = parts.tidy_decimals(corner)
        return
    texts = [as_texts(series.kept[n].header.ImagePositionPatient) for n in (before, after)]
    share = Decimal(position - before) / Decimal(after - before)
    target.ImagePositionPatient = parts.between(texts[0], texts[1], share)


def _pixels(target: Dataset, series: RestoredSeries, position: int, template: SourceSlice) -> bytes:
    values = series.scan.slice(position).T
    wanted = StoredType.of(template.plane.header.pixels)
    stored = wanted.holding(values)
    pixels = add_pixels(target, values, stored)
    padding = template.plane.header.padding
    is_kept = position in series.kept
    if padding is not None and stored == wanted and (is_kept or series.scan.padding == padding):
        limit = allow.number_of(template.header, "PixelPaddingRangeLimit")
        add_padding(target, padding, None if limit is None else int(limit), stored)
    return pixels
