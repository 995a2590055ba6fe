"""What may leave: nothing off the list, and nothing about a person when de-identified."""

from __future__ import annotations

import random
from pathlib import Path

import pydicom
import pytest
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medgan.errors import SeriesError
from medgan.scans import Order, discover, load, write_dicom, write_segmentation
from medgan.scans import dicom_allow as allow
from tests.scans.restored import filled
from tests.scans.series import make_series, save, without

N_TAGS = 80
CANARIES = {
    **dict.fromkeys(("PN", "LO", "SH", "ST", "LT", "UT", "UC"), "Canary"),
    **dict.fromkeys(("AE", "CS"), "CANARY"),
    "DA": "19870605",
    "TM": "010203.0405",
    "DT": "19870605010203",
    "AS": "077Y",
    "UI": "1.2.3.8765430",
}
TRACES = (b"anary", b"ANARY", b"19870605", b"010203", b"077Y", b"1.2.3.8765430")
READ = {
    *("SOPClassUID", "TransferSyntaxUID", "SpecificCharacterSet", "ImageType", "Modality"),
    *("SeriesInstanceUID", "PhotometricInterpretation", "ComplexImageComponent"),
    *("BurnedInAnnotation", "LossyImageCompression", "SyntheticData", "StackID"),
}
"""What decides how a series is read; a canary there would make it another series."""


def canary_tags() -> list[tuple[int, str]]:
    """All text tags on the allow-list and, seeded, as many others as it takes."""
    texts = [
        (tag, vr)
        for tag, (vr, vm, _, retired, keyword) in sorted(DicomDictionary.items())
        if vr in CANARIES and vm.startswith("1") and not retired and keyword not in READ
        if 0x00080000 <= tag < 0x00540000
    ]
    named = {k for group in (allow.PATIENT, allow.ACQUISITION, allow.SERIES) for k in group}
    named |= {
        "PatientAge",
        "RescaleType",
        "Manufacturer",
        "ScanOptions",
        "InstitutionName",
        "PatientComments",
    }
    listed = [(tag, vr) for tag, vr in texts if keyword_for_tag(tag) in named]
    others = [entry for entry in texts if entry not in listed]
    return listed + random.Random(0).sample(others, N_TAGS - len(listed))


def plant(dataset: Dataset) -> None:
    for tag, vr in canary_tags():
        dataset.add_new(tag, vr, CANARIES[vr])
    nested = Dataset()
    nested.PatientName = nested.StudyDescription = CANARIES["PN"]
    dataset.RequestAttributesSequence = Sequence([nested])
    block = dataset.private_block(0x0029, "CANARY CREATOR", create=True)
    block.add_new(1, "LO", CANARIES["LO"])
    dataset.add_new(0x60003000, "OW", b"Canary  ")


def planted(folder: Path, modality: str) -> list[Path]:
    datasets = make_series(modality=modality)
    for dataset in datasets:
        plant(dataset)
    return save(without(datasets, 4, 5), folder)


def traces(paths: list[Path]) -> set[bytes]:
    return {trace for path in paths for trace in TRACES if trace in path.read_bytes()}


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_no_planted_text_survives_deidentification(tmp_path, modality):
    source = planted(tmp_path / "in", modality)
    assert traces(source) == set(TRACES)
    (scan,) = load(tmp_path / "in")
    scan = filled(scan)
    out = write_dicom(scan, tmp_path / "out", Order("x", "y", salt="s", deidentify=True))
    labels = (scan.values > 100).astype("u1")
    out.append(
        write_segmentation(labels, scan.grid, {1: "bright"}, out, tmp_path / "out" / "seg.dcm")
    )
    assert traces(out) == set()
    uids = {
        str(element.value)
        for path in source
        for element in pydicom.dcmread(path).iterall()
        if element.VR == "UI" and element.keyword not in ("SOPClassUID", "TransferSyntaxUID")
    }
    for path in out:
        assert not any(uid.encode() in path.read_bytes() for uid in uids if len(uid) > 8)


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_without_deidentification_only_listed_elements_are_copied(tmp_path, modality):
    planted(tmp_path / "in", modality)
    (scan,) = load(tmp_path / "in")
    listed = {*allow.PATIENT, *allow.ACQUISITION, *allow.SERIES, *allow.SLICE}
    listed |= {*allow.BY_MODALITY[modality], "ManufacturerModelName", "SoftwareVersions"}
    listed |= {"Manufacturer", "StudyInstanceUID", "FrameOfReferenceUID", "Modality"}
    for path in write_dicom(filled(scan), tmp_path / "out", Order("x", "y")):
        image = pydicom.dcmread(path)
        for element in image.iterall():
            assert not element.tag.is_private
            if element.VR == "SQ":
                continue
            if any(trace.decode() in str(element.value) for trace in TRACES):
                assert element.keyword in listed, element


def test_deidentified_objects_carry_the_marks_of_the_profile(tmp_path):
    planted(tmp_path / "in", "CT")
    (scan,) = load(tmp_path / "in")
    out = write_dicom(filled(scan), tmp_path / "out", Order("x", "y", deidentify=True))
    for path in out:
        image = pydicom.dcmread(path)
        assert image.PatientIdentityRemoved == "YES"
        assert image.DeidentificationMethodCodeSequence[0].CodeValue == "113100"
        assert image.LongitudinalTemporalInformationModified == "REMOVED"
        assert image.StudyDate == image.AccessionNumber == ""
        assert image.PatientName == "Anonymous"


def test_salt_changes_every_identifier_and_keeps_the_series_together(tmp_path):
    save(without(make_series(), 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    studies = set()
    for salt in ("one", "two"):
        out = write_dicom(
            *(filled(scan), tmp_path / salt), Order("x", "y", salt=salt, deidentify=True)
        )
        (study,) = {pydicom.dcmread(path).StudyInstanceUID for path in out}
        studies.add(study)
        assert len(discover(tmp_path / salt).images) == 1
    assert len(studies) == 2


def test_text_in_the_pixels_is_not_called_deidentified(tmp_path):
    datasets = make_series()
    datasets[3].BurnedInAnnotation = "YES"
    save(datasets, tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    with pytest.raises(SeriesError, match="burned"):
        write_dicom(scan, tmp_path / "out", Order("x", "y", deidentify=True))
    assert write_dicom(scan, tmp_path / "out", Order("x", "y"))


@pytest.mark.parametrize(
    ("vr", "keyword", "value", "passes"),
    [
        ("DS", "KVP", "120", True),
        ("DS", "WindowCenter", ["40", "1.0e2"], True),
        ("CS", "ScanOptions", ["FS", "SP"], True),
        ("CS", "ScanOptions", ["FS", "SMITH"], False),
        ("LO", "RescaleType", "HU", True),
        ("LO", "RescaleType", "Smith", False),
        ("CS", "BodyPartExamined", "KNEE", True),
        ("SH", "StudyID", "1", False),
        ("SH", "StudyID", "", True),
    ],
)
def test_only_numbers_and_defined_terms_are_harmless(vr, keyword, value, passes):
    dataset = Dataset()
    dataset.add_new(keyword, vr, value)
    assert allow.is_harmless(dataset[keyword], keyword) is passes
