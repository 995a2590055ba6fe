"""Segmentations written by highdicom come back as label maps on the right grid."""

from __future__ import annotations

from pathlib import Path

import highdicom
import numpy as np
import pytest
from pydicom.sr.codedict import codes

from medgan.scans import discover, load_found
from tests.scans.series import make_series, save


def write_seg(folder: Path, mask: np.ndarray, kind: str = "BINARY") -> Path:
    """`mask` is (slice, row, column) of segment numbers 0, 1, 2."""
    sources = make_series(n=mask.shape[0])
    for dataset in sources:
        dataset.StudyDate = dataset.StudyTime = dataset.AccessionNumber = ""
        dataset.StudyID = dataset.ReferringPhysicianName = dataset.PatientBirthDate = ""
        dataset.PatientSex = dataset.PositionReferenceIndicator = ""
    segments = [
        highdicom.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"part {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in (1, 2)
    ]
    seg = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=mask.astype(np.uint8),
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid="2.25.71",
        series_number=9,
        sop_instance_uid="2.25.72",
        instance_number=1,
        manufacturer="nobody",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
        series_description="organs",
    )
    folder.mkdir(parents=True, exist_ok=True)
    seg.save_as(folder / "seg.dcm")
    return folder / "seg.dcm"


@pytest.fixture
def mask() -> np.ndarray:
    labels = np.zeros((12, 10, 14), np.uint8)
    labels[3:6, 2:7, 3:8] = 1
    labels[8:11, 4:9, 5:12] = 2
    return labels


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_labels_come_back_in_place(kind: str, mask: np.ndarray, tmp_path: Path) -> None:
    """Empty frames are left out by the writer: the label map covers slices 3 to 10 only."""
    write_seg(tmp_path / "in", mask, kind)
    save(make_series(), tmp_path / "in")
    listing = discover(tmp_path / "in")
    image = next(found for found in listing.scans if found.kind == "image")
    label = next(found for found in listing.scans if found.kind == "label")
    assert label.id == "9_organs"
    assert label.missing == ()
    scan = load_found(label)
    offset = np.linalg.inv(image.grid.affine) @ scan.affine
    start = np.rint(offset[:3, 3]).astype(int)
    np.testing.assert_allclose(offset[:3, :3], np.eye(3), atol=1e-6)
    expected = mask.transpose(2, 1, 0)[:, :, start[2] : start[2] + scan.stored.shape[2]]
    np.testing.assert_array_equal(scan.stored, expected)


def test_a_cut_segmentation_is_refused(mask: np.ndarray, tmp_path: Path) -> None:
    path = write_seg(tmp_path, mask)
    path.write_bytes(path.read_bytes()[:-40])
    (refusal,) = discover(tmp_path).refused
    assert "decoded" in refusal.reason


def test_one_slice_is_set_aside(mask: np.ndarray, tmp_path: Path) -> None:
    mask[:] = 0
    mask[5, 2:4, 2:4] = 1
    write_seg(tmp_path, mask)
    (entry,) = discover(tmp_path).set_aside
    assert "single slice" in entry.reason
