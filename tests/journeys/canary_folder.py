"""A folder of scans in which every text, date and identifier is a canary, file names too."""

from __future__ import annotations

import base64
import gzip
import os
import random
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nibabel as nib
import pydicom
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medgan.scans import dicom_allow as allow
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save

N_TAGS = 80
TEXT = "Canary"
ODD = (
    "Quill\nfeather.dcm",
    "Quill\u200bfeather.dcm",
    "\x1b[2JQuill\u202e'feather' & \"sons\".dcm",
    os.fsdecode(b"Quill\xfcfeather.dcm"),
    "48151",
)
"""Names that messages escape, that are no UTF-8, or that are numbers as messages have them."""

ODD_WORDS = ("Quill", "feather")
ODD_NUMBERS = ("48151", "62342", "31007")
WORDS = ("PN", "LO", "SH", "LT", "ST", "UT", "UC", "AE", "CS")
NUMBERS = ("UI", "DA", "TM", "DT", "AS")
READ = {
    *("SOPClassUID", "TransferSyntaxUID", "SpecificCharacterSet", "ImageType", "Modality"),
    *("PhotometricInterpretation", "ComplexImageComponent", "SeriesInstanceUID"),
    *("BurnedInAnnotation", "LossyImageCompression", "SyntheticData", "StackID"),
    *("SOPInstanceUID", "FrameOfReferenceUID", "StudyInstanceUID"),
}
"""What decides how a series is read, or is a made-up identifier that is searched for anyway."""

ALWAYS = {
    *("PatientAge", "InstitutionName", "PatientComments", "SeriesDescription", "StationName"),
    *("OperatorsName", "ProtocolName", "ConvolutionKernel", "Manufacturer", "DeviceSerialNumber"),
    *("AcquisitionDateTime", "PatientBirthTime", "RequestingPhysician", "StudyDescription"),
}


def tags() -> list[tuple[int, str]]:
    """All text tags that writing could let through and, seeded, as many others as it takes."""
    known = [
        (tag, vr)
        for tag, (vr, vm, _, retired, keyword) in sorted(DicomDictionary.items())
        if vr in (*WORDS, *NUMBERS) and vm.startswith("1") and not retired and keyword not in READ
        if 0x00080000 <= tag < 0x00540000
    ]
    named = {k for group in (allow.PATIENT, allow.ACQUISITION, allow.SERIES) for k in group}
    listed = [(tag, vr) for tag, vr in known if keyword_for_tag(tag) in named | ALWAYS]
    rest = [entry for entry in known if entry not in listed]
    return listed + random.Random(1).sample(rest, N_TAGS - len(listed))


def canary(number: int, vr: str) -> str:
    """The canary of one tag; no two are alike."""
    date = f"19{31 + number % 60:02d}{1 + number % 12:02d}{11 + number % 17:02d}"
    return {
        "UI": f"1.2.826.0.1.9{number:03d}.8765.4321",
        "DA": date,
        "TM": f"0{number % 10}1337.{number:03d}753",
        "DT": f"{date}1337{number % 60:02d}.{number:03d}753",
        "AS": f"{number % 1000:03d}Y",
        "PN": f"{TEXT}{number:03d}^Smith",
        "CS": f"{TEXT.upper()}{number:03d}",
        "AE": f"{TEXT.upper()}{number:03d}",
    }.get(vr, f"{TEXT}{number:03d} Smith")


def plant(dataset: Dataset) -> None:
    """Put a canary in 80 tags, in a nested item, in private elements and in an overlay."""
    for number, (tag, vr) in enumerate(tags()):
        dataset.add_new(tag, vr, canary(number, vr))
    nested, deeper = Dataset(), Dataset()
    nested.PatientName = nested.StudyDescription = deeper.PatientID = canary(900, "LO")
    nested.ReferencedStudySequence = Sequence([deeper])
    dataset.RequestAttributesSequence = Sequence([nested])
    block = dataset.private_block(0x0029, "CANARY CREATOR", create=True)
    block.add_new(1, "LO", canary(901, "LO"))
    block.add_new(2, "UN", b"Canary902 ")
    dataset.add_new(0x60003000, "OW", b"Canary903 ")


def make_folder(root: Path) -> None:
    """Write the folder: CT and MR with gaps, one slice damaged, series refused, strays, odd names.

    Messages quote every odd name: the slice is cut, or lies where another lies.
    """
    ct = _planted(modality="CT", uid="1.2.826.0.1.71", number=3)
    _save(root / "CanaryFolder_Smith" / "ct", ct, "CanaryFile", lost=(4, 5))
    damaged = root / "CanaryFolder_Smith" / "ct" / "CanaryFile_008.dcm"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    mr = _planted(modality="MR", uid="1.2.826.0.1.72", number=5)
    _save(root / "MR_Canary", mr, "IM_canary", lost=(6,))
    lost = _planted(modality="CT", uid="1.2.826.0.1.73", number=7)
    for dataset in lost:
        del dataset.ImagePositionPatient
    _save(root / "Refused^Canary", lost, "Canary no position")
    (root / "Canary notes.txt").write_text("Canary")
    (root / "CanaryBad.nii.gz").write_bytes(b"no NIfTI, Canary")
    volume(root / "CanaryVolume.nii.gz")
    _odd(root / "62342")
    with zipfile.ZipFile(root / "CanaryArchive.zip", "w") as archive:
        archive.write(volume(root.parent / "CanaryMember.nii.gz", seed=9), "in/CanaryMember.nii.gz")


def _odd(folder: Path) -> None:
    cut = _planted(modality="MR", uid="1.2.826.0.1.74", number=9, n=20)
    names = [f"Canary_{number}" for number in range(len(cut))]
    for number, name in enumerate(ODD):
        names[2 + 3 * number] = name
    for path in save(cut, folder, names):
        if path.name in ODD:
            path.write_bytes(path.read_bytes()[:-100])
    for number, name in enumerate((*ODD[:4], "31007")):
        uid = f"1.2.826.0.1.75.{number}"
        twice = _planted(modality="CT", uid=uid, number=20 + number)[:4]
        other = _planted(modality="CT", uid=uid, number=20 + number)[2]
        other.SOPInstanceUID = other.file_meta.MediaStorageSOPInstanceUID = f"{uid}.9.778899"
        other.PixelData = bytes(len(other.PixelData))
        names = [*(f"Canary_{at}" for at in range(4)), "Canary_other"]
        names[2] = name
        save([*twice, other], folder / "31007" / str(number), names)
    volume(folder / os.fsdecode(b"Quill\xe9feather.nii.gz"), seed=11)
    (folder / os.fsdecode(b"Quill\xe9 notes.txt")).write_text("Canary")


def volume(path: Path, seed: int = 7) -> Path:
    """Write a NIfTI file with a gap and a canary in every text of its header."""
    image = nib.load(write_scan(path, gaps=(8, 9), seed=seed))
    for field in ("descrip", "aux_file", "db_name", "intent_name"):
        image.header[field] = f"Canary {field}"[:16]
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Canary extension"))
    nib.save(image, path)
    return path


def secrets(root: Path) -> set[str]:
    """Every identifier, date and time that stands in the DICOM files of a folder."""
    found = set()
    for path in root.rglob("*.dcm"):
        for element in pydicom.dcmread(path, force=True).iterall():
            if element.VR in (*NUMBERS, "PN") and element.value:
                found.add(str(element.value))
    return {text for text in found if not text.startswith("1.2.840.10008")}


def _planted(**knobs: object) -> list[Dataset]:
    datasets = make_series(study_uid="1.2.826.0.1.70", frame_uid="1.2.826.0.1.69", **knobs)
    for number, dataset in enumerate(datasets):
        plant(dataset)
        dataset.SOPInstanceUID = f"{dataset.SeriesInstanceUID}.{number + 1}.778899"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return datasets


def _save(folder: Path, datasets: list[Dataset], name: str, lost: tuple[int, ...] = ()) -> None:
    kept = {number: dataset for number, dataset in enumerate(datasets) if number not in lost}
    save(list(kept.values()), folder, [f"{name}_{number:03d}.dcm" for number in kept])


def texts_of(data: bytes) -> Iterator[bytes]:
    """Yield the bytes of a file as they are, and what is packed in them."""
    yield data
    if data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
    for packed in re.findall(rb"base64,([A-Za-z0-9+/=]+)", data):
        yield base64.b64decode(packed)
