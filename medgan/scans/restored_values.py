"""What the image class wants, and what turns stored values into physical and shown ones."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medgan.scans import dicom_allow as allow
from medgan.scans import dicom_parts as parts
from medgan.scans.dicom_source import SourceSlice
from medgan.scans.layout import as_stored
from medgan.scans.restored_series import RestoredSeries

SPACING_AGREES = 0.01
"""Relative difference up to which the source's Spacing Between Slices is that of the grid."""

_TYPE_2 = {
    "CT": ("KVP",),
    "MR": (
        *("ScanningSequence", "SequenceVariant", "ScanOptions", "MRAcquisitionType"),
        *("RepetitionTime", "EchoTime", "EchoTrainLength"),
    ),
    "PT": ("CollimatorType", "CorrectedImage"),
}
_MR_DEFAULTS = {"ScanningSequence": "RM", "SequenceVariant": "NONE", "MRAcquisitionType": "2D"}


def add_modality(target: Dataset, series: RestoredSeries, template: SourceSlice) -> None:
    """Add what the image module of CT, MR or PET wants."""
    hide = series.order.deidentify
    wanted = allow.BY_MODALITY.get(series.modality, ())
    allow.copy_elements(template.header, target, wanted, deidentify=hide)
    for keyword in _TYPE_2.get(series.modality, ()):
        if keyword not in target:
            setattr(target, keyword, _MR_DEFAULTS.get(keyword))
    if series.modality == "PT":
        _pet(target, series, template)
    else:
        allow.present_or_empty(target, ("PatientPosition",))
    step = as_stored(series.scan.grid).slice_step_mm
    said = template.plane.header.header_step_mm
    said = said if said is not None else allow.number_of(template.header, "SpacingBetweenSlices")
    if said is not None and abs(said - step) <= SPACING_AGREES * step:
        allow.copy_elements(template.header, target, ("SpacingBetweenSlices",))
    elif series.modality == "MR":
        target.SpacingBetweenSlices = parts.tidy_decimals([step])[0]


def _pet(target: Dataset, series: RestoredSeries, template: SourceSlice) -> None:
    """Add the type 2 elements of PET, and of its radiopharmaceutical what uptake values need."""
    target.NumberOfSlices = series.scan.n_positions
    target.PatientGantryRelationshipCodeSequence = DicomSequence()
    _pet_orientation(target, series)
    allow.present_or_empty(target, ("AcquisitionDate", "AcquisitionTime", "ActualFrameDuration"))
    items = []
    for source in template.header.get("RadiopharmaceuticalInformationSequence") or []:
        item = Dataset()
        hide = series.order.deidentify
        names = [n for n in allow.PHARMACEUTICAL if not (hide and n in allow.IDENTIFYING_TIMES)]
        allow.copy_elements(source, item, names, deidentify=hide)
        items.append(item)
    target.RadiopharmaceuticalInformationSequence = DicomSequence(items)


def _pet_orientation(target: Dataset, series: RestoredSeries) -> None:
    """Add the codes, or Patient Position alone, which shall not stand beside them (C.7.3.1)."""
    if not target.get("PatientPosition"):
        target.pop("PatientPosition", None)
    elif "PatientOrientationCodeSequence" not in series.first.header:
        return  # it says as much as its source, which has no codes
    target.PatientOrientationCodeSequence = DicomSequence()


def add_values(
    target: Dataset, series: RestoredSeries, position: int, template: SourceSlice
) -> None:
    """Add what turns stored values into physical and shown ones."""
    header, hide = template.header, series.order.deidentify
    allow.copy_elements(header, target, ("PhotometricInterpretation",), deidentify=hide)
    if "PhotometricInterpretation" not in target:
        target.PhotometricInterpretation = "MONOCHROME2"
    _rescale(target, series, position, template)
    centre, width = (allow.element_of(header, k) for k in ("WindowCenter", "WindowWidth"))
    if centre is not None and width is not None and centre.VM == width.VM > 0:
        allow.copy_elements(header, target, ("WindowCenter", "WindowWidth"), deidentify=hide)
    target.LossyImageCompression = "01" if series.lossy else "00"
    if series.lossy:
        lossy = ("LossyImageCompressionRatio", "LossyImageCompressionMethod")
        allow.copy_elements(header, target, lossy, deidentify=hide)
    allow.copy_elements(header, target, ("BurnedInAnnotation",), deidentify=hide)


def _rescale(target: Dataset, series: RestoredSeries, position: int, template: SourceSlice) -> None:
    header, hide = template.header, series.order.deidentify
    # Estimated slices were quantised with these, which a slice written over may have left there.
    slope, intercept = (float(of[position]) for of in (series.scan.slope, series.scan.intercept))
    given = allow.number_of(header, "RescaleSlope"), allow.number_of(header, "RescaleIntercept")
    if given == (slope, intercept):
        allow.copy_elements(header, target, ("RescaleSlope", "RescaleIntercept"), deidentify=hide)
    elif series.modality == "CT" or (slope, intercept) != (1.0, 0.0):
        target.RescaleSlope, target.RescaleIntercept = parts.decimals([slope, intercept])
    if "RescaleSlope" not in target:
        return
    allow.copy_elements(header, target, ("RescaleType",), deidentify=hide)
    if series.modality != "CT" and not target.get("RescaleType"):
        target.RescaleType = "US"
