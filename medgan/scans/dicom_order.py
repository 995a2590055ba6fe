"""What is asked of a DICOM series, and the identifiers that follow from it and from the content."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import UID

from medgan.scans.dicom_parts import BASIC_PROFILE, MAX_NAME, TOOL, code, plain
from medgan.scans.dicom_uids import derive_code, derive_uid
from medgan.scans.scan import Scan


@dataclass(frozen=True)
class Order:
    """What the caller wants said and done.

    Parameters
    ----------
    description
        Series description, at most 64 ASCII characters.
    derivation
        One sentence on how estimated slices came about.
    model
        Name and digest of the model, if any.
    salt
        Enters every derived UID; secret where `deidentify` is to be safe from those who hold the
        original UIDs.
    deidentify
        Drop all about the person, all dates and all free text; hash every identifier.
    derived
        Names in `dicom_parts.CORRECTIONS` of what was done to every slice: each keeps its header
        and place, and none its pixel values.
    """

    description: str
    derivation: str
    model: str = ""
    salt: str = ""
    deidentify: bool = False
    derived: tuple[str, ...] = ()

    def key(self) -> tuple[str, ...]:
        """Return what makes two series of the same content different ones."""
        hidden = "deidentified" if self.deidentify else ""
        return self.description, self.derivation, self.model, self.salt, hidden, *self.derived


@dataclass(frozen=True)
class Identity:
    """Study, series and frame of reference of what is written."""

    study: UID
    series: UID
    frame: UID

    @classmethod
    def derive(cls, scan: Scan, order: Order, study: str = "", frame: str = "") -> Identity:
        """Keep the source's study and frame where it has them, hash them when de-identifying.

        Parameters
        ----------
        study, frame
            UIDs of the source; empty where there is none, and content takes their place.
        """
        volume = "" if scan.source.volume is None else str(scan.source.volume)
        content = (scan.content_hash, scan.synthetic.tobytes(), volume)
        series = UID(derive_uid("series", study, scan.source.series_uid, *content, *order.key()))
        if order.deidentify or not study:
            study = derive_uid("study", study or scan.content_hash, order.salt)
        if order.deidentify or not frame:
            frame = derive_uid("frame", frame or study, order.salt)
        return cls(UID(study), series, UID(frame))

    def instance(self, position: str, pixels: bytes, flag: str) -> UID:
        """Return the UID of one slice: series, place, pixels and mark."""
        return UID(derive_uid("instance", self.series, position, pixels, flag))


def person_key(identity: Identity) -> str:
    """Short key for a made-up patient, from the study: the same for all series of a study."""
    return derive_code("person", identity.study)


def add_series(target: Dataset, identity: Identity, order: Order, number: int) -> None:
    """Add the identifiers and the description of the series."""
    target.StudyInstanceUID = identity.study
    target.SeriesInstanceUID = identity.series
    target.FrameOfReferenceUID = identity.frame
    target.SeriesNumber = number
    target.SeriesDescription = plain(order.description, MAX_NAME)


def add_nobody(target: Dataset, name: str, prefix: str, identity: Identity) -> None:
    """Add a patient and a visit that say nothing: generated name, the rest present but empty."""
    target.PatientName = name
    target.PatientID = f"{prefix}-{person_key(identity)}"
    for keyword in (
        *("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID"),
        *("AccessionNumber", "ReferringPhysicianName", "PositionReferenceIndicator"),
    ):
        setattr(target, keyword, None)


def add_deidentification(target: Dataset) -> None:
    """Add the marks of a de-identified object (PS3.15 annex E, PS3.3 C.7.1.1)."""
    target.PatientIdentityRemoved = "YES"
    target.DeidentificationMethod = f"{TOOL}: header by allow-list, no dates, hashed UIDs"
    target.DeidentificationMethodCodeSequence = code(BASIC_PROFILE)
    target.LongitudinalTemporalInformationModified = "REMOVED"
