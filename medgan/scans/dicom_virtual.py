"""DICOM headers of a scan without DICOM files behind it: volume files, and wholly synthetic scans.

`docs/formats_written.md` has it tag by tag, in the column "synthetic".
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence
from pydicom.uid import UID

from medgan.scans import dicom_parts as parts
from medgan.scans.dicom_order import (
    Identity,
    Order,
    add_deidentification,
    add_nobody,
    add_series,
    person_key,
)
from medgan.scans.dicom_pixel_write import (
    SixteenBits,
    add_padding,
    add_pixels,
    as_texts,
    sixteen_bits,
    window_of,
)
from medgan.scans.layout import Layout, as_stored, as_viewed
from medgan.scans.scan import Scan

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
KEPT = "Pixel values as in the source volume."
QUANTISED = "Pixel values of the source volume, quantised to 16 bits."


def virtual_datasets(scan: Scan, order: Order) -> Iterator[tuple[int, Dataset]]:
    """Make the data set of every slice that is present, with its instance number.

    Slices are cut along the scan's axis and turned the way images are looked at; their places in
    the patient stay exactly where they were.

    Raises
    ------
    SeriesError
        If rows and columns are not at right angles, or values spread so far that 16 bits cannot
        hold them.
    """
    layout = as_stored(scan.grid) if scan.format == "dicom" else as_viewed(scan.grid, scan.axis)
    identity = Identity.derive(scan, order)
    pixel_values = sixteen_bits(scan)
    planes = layout.planes(pixel_values.values)
    kept_text = KEPT if pixel_values.values.dtype == scan.stored.dtype else QUANTISED
    common = _common(scan, order, identity, layout)
    _add_values(common, scan, pixel_values)
    for number in range(layout.n_slices):
        position = layout.position_of(number)
        if not scan.present[position]:
            continue
        target = Dataset()
        target.update(common)
        _add_provenance(target, scan, position, order, kept_text)
        target.ImagePositionPatient = parts.tidy_decimals(layout.corner(number))
        pixels = add_pixels(target, planes[number], pixel_values.stored)
        place = "\\".join(as_texts(target.ImagePositionPatient))
        target.SOPInstanceUID = identity.instance(place, pixels, target.SyntheticData)
        target.InstanceNumber = number + 1
        target.file_meta = parts.file_meta(target.SOPClassUID, target.SOPInstanceUID)
        yield number + 1, target


def _common(scan: Scan, order: Order, identity: Identity, layout: Layout) -> Dataset:
    """Return what all slices share: person, series, geometry, and what the image class wants."""
    target = Dataset()
    if _is_wholly_made(scan, order):
        add_nobody(target, f"Synthetic^{person_key(identity)}", "SYN", identity)
        target.PatientPosition = "HFS"
    else:
        add_nobody(target, "Anonymous", "ANON", identity)
        target.PatientPosition = None
    if order.deidentify:
        add_deidentification(target)
    add_series(target, identity, order, 1)
    parts.add_equipment(target)
    target.Laterality = None
    target.AcquisitionNumber = None
    target.ImageOrientationPatient = parts.tidy_decimals(layout.orientation.ravel())
    target.PixelSpacing = parts.tidy_decimals(layout.pixel_spacing)
    target.SliceThickness = parts.tidy_decimals([layout.slice_step_mm])[0]
    _add_class(target, scan, layout)
    return target


def _add_class(target: Dataset, scan: Scan, layout: Layout) -> None:
    if scan.modality == "ct":
        target.SOPClassUID, target.Modality = UID(CT_IMAGE), "CT"
        target.KVP = None
    elif scan.modality == "mr":
        target.SOPClassUID, target.Modality = UID(MR_IMAGE), "MR"
        target.ScanningSequence, target.SequenceVariant = "RM", "NONE"
        target.MRAcquisitionType = "2D"
        for keyword in ("ScanOptions", "RepetitionTime", "EchoTime", "EchoTrainLength"):
            setattr(target, keyword, None)
        target.SpacingBetweenSlices = parts.tidy_decimals([layout.slice_step_mm])[0]
    else:
        target.SOPClassUID, target.Modality = UID(SECONDARY_CAPTURE), "OT"
        target.ConversionType = "WSD"


def _add_values(target: Dataset, scan: Scan, values: SixteenBits) -> None:
    slope, intercept = values.slope, values.intercept
    if values.padding is not None:
        add_padding(target, values.padding, None, values.stored)
    target.PhotometricInterpretation = "MONOCHROME2"
    target.WindowCenter, target.WindowWidth = window_of(scan)
    target.LossyImageCompression = "00"
    target.BurnedInAnnotation = "NO"
    if scan.modality == "ct" or (float(slope), float(intercept)) != (1.0, 0.0):
        target.RescaleSlope, target.RescaleIntercept = slope, intercept
        target.RescaleType = "HU" if scan.modality == "ct" else "US"


def _add_provenance(
    target: Dataset, scan: Scan, position: int, order: Order, kept_text: str
) -> None:
    made, wholly = bool(scan.synthetic[position]), _is_wholly_made(scan, order)
    target.SyntheticData = "YES" if made else "NO"
    third = {"ct": "AXIAL", "mr": "OTHER"}.get(scan.modality)
    target.ImageType = ["DERIVED", "SECONDARY", *([third] if third else [])]
    first = "" if wholly or order.derived else parts.ESTIMATED if made else kept_text
    target.DerivationDescription = parts.derivation_text(first, order.derivation)
    if order.derived:
        done = [parts.CORRECTIONS[name] for name in order.derived]
        target.DerivationCodeSequence = parts.code(*done)
    elif made:
        learned = parts.LEARNED_IMAGE if wholly else parts.LEARNED_FILL
        filled = learned if wholly or order.model else parts.SPATIAL_RESAMPLING
        target.DerivationCodeSequence = parts.code(filled)
    is_made = made and not order.derived
    purpose = parts.SYNTHESIZING_EQUIPMENT if is_made else parts.PROCESSING_EQUIPMENT
    target.ContributingEquipmentSequence = DicomSequence(
        [parts.own_equipment(purpose, order.model)]
    )


def _is_wholly_made(scan: Scan, order: Order) -> bool:
    """No slice shows a person: a corrected scan still does, though none of its values is kept."""
    return not order.derived and bool(scan.synthetic[scan.present].all())
