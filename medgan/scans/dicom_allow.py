"""Which elements of a source header may go into what we write: an allow-list, nothing else does.

Private elements, overlays, comments, staff, institutions and references to other objects are not
on it, so they cannot get through. Elements are copied as they were written, decimal texts included.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable

from pydicom.datadict import tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

PATIENT = (
    "SpecificCharacterSet",
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "SeriesDate",
    "SeriesTime",
    "ContentDate",
    "ContentTime",
    "PositionReferenceIndicator",
)
"""About the person and the visit: copied, and dropped when de-identifying."""

ACQUISITION = ("AcquisitionNumber", "AcquisitionDate", "AcquisitionTime")
"""Copied to slices that were acquired; an estimated one never was."""

SERIES = ("BodyPartExamined", "Laterality", "PatientPosition", "SliceThickness", "PixelSpacing")
"""The same for all slices of a series: the first slice's are written everywhere."""

SLICE = (
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "RescaleSlope",
    "RescaleIntercept",
    "RescaleType",
    "WindowCenter",
    "WindowWidth",
    "PhotometricInterpretation",
    "BurnedInAnnotation",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)

BY_MODALITY = {
    "CT": ("KVP",),
    "MR": (
        "ScanningSequence",
        "SequenceVariant",
        "ScanOptions",
        "MRAcquisitionType",
        "RepetitionTime",
        "EchoTime",
        "EchoTrainLength",
        "InversionTime",
        "FlipAngle",
        "MagneticFieldStrength",
        "EchoNumbers",
    ),
    "PT": (
        "Units",
        "CountsSource",
        "SeriesType",
        "CorrectedImage",
        "DecayCorrection",
        "CollimatorType",
        "FrameReferenceTime",
        "ActualFrameDuration",
        "DecayFactor",
    ),
}

PHARMACEUTICAL = (
    "RadionuclideTotalDose",
    "RadionuclideHalfLife",
    "RadionuclidePositronFraction",
    "RadiopharmaceuticalStartTime",
)
"""Of each item of the Radiopharmaceutical Information Sequence: what uptake values need."""

IDENTIFYING_TIMES = frozenset({"RadiopharmaceuticalStartTime"})

DEFINED_TERMS = {
    "ScanningSequence": {"SE", "IR", "GR", "EP", "RM"},
    "SequenceVariant": {"SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"},
    "ScanOptions": {"PER", "RG", "CG", "PPG", "FC", "PFF", "PFP", "SP", "FS"},
    "MRAcquisitionType": {"2D", "3D"},
    "Laterality": {"L", "R"},
    "PatientPosition": {
        f"{feet}{side}" for feet in ("HF", "FF") for side in ("P", "S", "DR", "DL")
    },
    "RescaleType": {"HU", "US", "OD", "HU_MOD", "PCT"},
    "PhotometricInterpretation": {"MONOCHROME1", "MONOCHROME2"},
    "BurnedInAnnotation": {"YES", "NO"},
    "BodyPartExamined": {
        *("ABDOMEN", "BRAIN", "BREAST", "CHEST", "CSPINE", "EXTREMITY", "FOOT", "HAND", "HEAD"),
        *("HEADNECK", "HEART", "HIP", "KNEE", "LIVER", "LSPINE", "NECK", "PELVIS", "PROSTATE"),
        *("SHOULDER", "SKULL", "SPINE", "TSPINE", "WHOLEBODY"),
    },
    "Units": {"BQML", "CNTS", "GML", "PROPCNTS", "CPS", "CM2ML", "PCNT", "NONE", "MLG", "1CM"},
    "CountsSource": {"EMISSION", "TRANSMISSION"},
    "SeriesType": {"STATIC", "DYNAMIC", "GATED", "WHOLE BODY", "IMAGE", "REPROJECTION"},
    "CorrectedImage": {
        *("DECY", "ATTN", "SCAT", "DTIM", "MOTN", "PMOT", "CLN", "RAN", "RADL", "DCAL", "NORM"),
    },
    "DecayCorrection": {"NONE", "START", "ADMIN"},
    "CollimatorType": {"NONE", "RING"},
    "LossyImageCompressionMethod": {
        "ISO_10918_1",
        "ISO_14495_1",
        "ISO_15444_1",
        "ISO_15444_15",
        "ISO_13818_2",
    },
}
"""Values that pass when de-identifying; any other could be a name that somebody typed in.
(PS3.3 defined terms, and the body parts of PS3.16 annex L that scans are mostly of.)"""

UNPAIRED = frozenset(
    {"ABDOMEN", "BRAIN", "CHEST", "CSPINE", "HEAD", "HEADNECK", "HEART", "LIVER", "LSPINE"}
    | {"NECK", "PELVIS", "PROSTATE", "SKULL", "SPINE", "TSPINE", "WHOLEBODY"}
)
"""Body parts a person has one of: Laterality (0020,0060) says nothing there."""

_NUMBERS = {"DS", "IS", "US", "SS", "UL", "SL", "FL", "FD"}
_DECIMAL = re.compile(r"^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$")


def copy_elements(
    source: Dataset, target: Dataset, keywords: Iterable[str], *, deidentify: bool = False
) -> None:
    """Copy the named elements that the source has, as they were written.

    Parameters
    ----------
    deidentify
        Pass numbers and defined terms only. An element whose value cannot be parsed never passes.
    """
    for keyword in keywords:
        element = element_of(source, keyword)
        if element is None or (deidentify and not is_harmless(element, keyword)):
            continue
        target.add(element)


def element_of(source: Dataset, keyword: str) -> DataElement | None:
    """Return an element as parsed, None when it is absent or faulty."""
    tag = tag_for_keyword(keyword)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return source[tag] if tag is not None and tag in source else None
        except Exception:  # pydicom raises nearly anything on faulty values
            return None


def is_harmless(element: DataElement, keyword: str) -> bool:
    """Whether an element can hold no text about a person: numbers, or defined terms."""
    if element.is_empty:
        return True
    values = element.value if element.VM > 1 else [element.value]
    if element.VR in _NUMBERS:
        return all(_DECIMAL.match(_text(value)) for value in values)
    terms = DEFINED_TERMS.get(keyword, set())
    return all(str(value) in terms for value in values)


def _text(value: object) -> str:
    return str(getattr(value, "original_string", value))


def present_or_empty(target: Dataset, keywords: Iterable[str]) -> None:
    """Add the named elements that are not there, without a value."""
    for keyword in keywords:
        if keyword not in target:
            setattr(target, keyword, None)


def number_of(header: Dataset, keyword: str) -> float | None:
    """Return the one number of an element, None when it is absent, faulty or several."""
    element = element_of(header, keyword)
    if element is None or element.is_empty or element.VM != 1:
        return None
    try:
        return float(element.value)
    except (TypeError, ValueError):
        return None
