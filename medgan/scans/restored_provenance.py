"""What says that a slice was kept or estimated, from which images and by what equipment."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as DicomSequence

from medgan.scans import dicom_allow as allow
from medgan.scans import dicom_parts as parts
from medgan.scans.dicom_source import SourceSlice
from medgan.scans.dicom_uids import derive_uid
from medgan.scans.restored_series import RestoredSeries

KEPT = "Pixel values as in the source image."
KEPT_SYNTHETIC = "Pixel values as in the source image, which is synthetic."
EXTRAPOLATED = (
    "This slice was not measured; it lies beyond the last measured slice and was extrapolated."
)
DERIVED = "Pixel values of this slice are derived; none is as in the source image."
PARTLY = "A marked region of this slice was not kept; it was estimated from what surrounds it."

_MR_TERMS = {
    *("DENSITY MAP", "DIFFUSION MAP", "IMAGE ADDITION", "MODULUS SUBTRACT", "MPR", "PHASE MAP"),
    *("PHASE SUBTRACT", "PROJECTION IMAGE", "T1 MAP", "T2 MAP", "VELOCITY MAP"),
}
_MR_SYNONYMS = {"P": "PHASE MAP", "PHASE": "PHASE MAP", "ADC": "DIFFUSION MAP"}


def add_provenance(target: Dataset, series: RestoredSeries, position: int) -> None:
    """Say what this slice is: kept or estimated, from what, by what."""
    order, own = series.order, series.kept.get(position)
    synthetic = bool(series.scan.synthetic[position])
    target.SyntheticData = "YES" if synthetic else "NO"
    target.ImageType = ["DERIVED", "SECONDARY", _third_value(series)]
    is_beyond = own is None and None in series.neighbours(position)
    is_partly = own is not None and synthetic and series.scan.region is not None
    # Classical both: the model that filled other slices had no part in these.
    model = "" if is_beyond or is_partly else order.model
    kept_or_made = _in_words(own is not None, synthetic, is_beyond, is_partly)
    first = DERIVED if order.derived else kept_or_made
    target.DerivationDescription = parts.derivation_text(first, order.derivation)
    if order.derived:
        done = [parts.CORRECTIONS[name] for name in order.derived]
        target.DerivationCodeSequence = parts.code(*done)
    elif own is None:
        learned = parts.LEARNED_FILL if model else parts.SPATIAL_RESAMPLING
        target.DerivationCodeSequence = parts.code(learned)
    elif is_partly:
        target.DerivationCodeSequence = parts.code(parts.REGION_FILL)
    references = _references(series, position)
    if references:
        target.SourceImageSequence = DicomSequence(references)
    is_made = own is None or is_partly
    purpose = parts.SYNTHESIZING_EQUIPMENT if is_made else parts.PROCESSING_EQUIPMENT
    equipment = [*_scanner(series, own), parts.own_equipment(purpose, model)]
    if order.deidentify:
        equipment.append(parts.own_equipment(parts.DEIDENTIFYING_EQUIPMENT, ""))
    target.ContributingEquipmentSequence = DicomSequence(equipment)


def _in_words(is_kept: bool, is_synthetic: bool, is_beyond: bool, is_partly: bool) -> str:
    if is_partly:
        return PARTLY
    if is_kept:
        return KEPT_SYNTHETIC if is_synthetic else KEPT
    return EXTRAPOLATED if is_beyond else parts.ESTIMATED


def _third_value(series: RestoredSeries) -> str:
    if series.modality == "CT":
        return "AXIAL"
    if series.modality == "PT":
        return "IMAGE"
    image_type = series.first.header.get("ImageType") or []
    word = (
        str(image_type[2]).upper()
        if not isinstance(image_type, str) and len(image_type) > 2
        else ""
    )
    word = _MR_SYNONYMS.get(word, word)
    return word if word in _MR_TERMS else "OTHER"


def _references(series: RestoredSeries, position: int) -> list[Dataset]:
    """Return the source of a kept slice, or the measured neighbours of an estimated one."""
    own = series.kept.get(position)
    used = [own] if own else [series.kept[n] for n in series.neighbours(position) if n is not None]
    items = []
    for one in used:
        uid = one.plane.header.sop_uid
        if not uid:
            continue
        if series.order.deidentify:
            uid = derive_uid("source", uid, series.order.salt)
        items.append(
            parts.reference(one.sop_class, uid, one.plane.frame, same_place=own is not None)
        )
    return items


def _scanner(series: RestoredSeries, own: SourceSlice | None) -> list[Dataset]:
    """Return the source's equipment; its free texts are dropped when de-identifying."""
    header = (own or series.first).header
    if series.order.deidentify or not str(header.get("Manufacturer", "") or ""):
        return []
    item = Dataset()
    allow.copy_elements(header, item, ("Manufacturer", "ManufacturerModelName", "SoftwareVersions"))
    is_made = own is not None and own.plane.header.synthetic
    purpose = parts.SYNTHESIZING_EQUIPMENT if is_made else parts.ACQUISITION_EQUIPMENT
    item.PurposeOfReferenceCodeSequence = parts.code(purpose)
    return [item]
