"""Label maps as DICOM SEG, read back by position, not by frame order."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from medgan.errors import SeriesError, UsageError
from medgan.scans import Grid, Order, write_dicom, write_segmentation
from tests.scans.restored import restored_series, virtual_scan


def read_back(path, grid, shape):
    """Voxels of every segment on the grid, from the frames' own positions."""
    segmentation = pydicom.dcmread(path)
    labels = np.zeros(shape, dtype=np.uint8)
    shared = segmentation.SharedFunctionalGroupsSequence[0]
    cosines = np.array(
        shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=float
    ).reshape(2, 3)
    row_mm, column_mm = map(float, shared.PixelMeasuresSequence[0].PixelSpacing)
    to_index = np.linalg.inv(grid.affine_lps)
    frames = segmentation.pixel_array.reshape(-1, segmentation.Rows, segmentation.Columns)
    for frame, groups in zip(frames, segmentation.PerFrameFunctionalGroupsSequence, strict=True):
        corner = np.array(groups.PlanePositionSequence[0].ImagePositionPatient, dtype=float)
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        rows, columns = np.nonzero(frame)
        points = corner + np.outer(columns * column_mm, cosines[0])
        points += np.outer(rows * row_mm, cosines[1])
        index = points @ to_index[:3, :3].T + to_index[:3, 3]
        assert np.abs(index - np.rint(index)).max(initial=0) < 1e-3
        labels[tuple(np.rint(index).astype(int).T)] = number
    return labels, segmentation


@pytest.fixture(params=["restored", "virtual"])
def scan(request, tmp_path):
    return restored_series(tmp_path / "in") if request.param == "restored" else virtual_scan()


def test_labels_come_back_where_they_were(tmp_path, scan):
    labels = np.digitize(scan.values, np.percentile(scan.values, [50, 80])).astype(np.uint8) * 3
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    path = tmp_path / "seg.dcm"
    write_segmentation(labels, scan.grid, {0: "nothing", 3: "liver", 6: "spleen"}, files, path)
    back, segmentation = read_back(path, scan.grid, labels.shape)
    assert np.array_equal(back, labels // 3)
    assert [item.SegmentLabel for item in segmentation.SegmentSequence] == ["liver", "spleen"]
    assert segmentation.SyntheticData == "YES"
    source = pydicom.dcmread(files[0])
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert segmentation[keyword].value == source[keyword].value


def test_the_same_labels_give_the_same_bytes(tmp_path):
    scan = virtual_scan()
    labels = (scan.values > 100).astype(np.uint8)
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    paths = [tmp_path / "a.dcm", tmp_path / "b.dcm"]
    for path in paths:
        write_segmentation(labels, scan.grid, {1: "bright"}, files, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    uids = [
        element.value
        for element in pydicom.dcmread(paths[0]).iterall()
        if element.keyword in ("SOPInstanceUID", "SeriesInstanceUID", "DimensionOrganizationUID")
    ]
    assert all(uid.startswith("2.25.") for uid in uids)


def test_unnamed_labels_and_other_grids_are_refused(tmp_path):
    scan = virtual_scan()
    labels = (scan.values > 100).astype(np.uint8)
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    with pytest.raises(UsageError, match="without a name"):
        write_segmentation(labels, scan.grid, {2: "other"}, files, tmp_path / "seg.dcm")
    moved = scan.affine.copy()
    moved[:3, 3] += 0.6
    with pytest.raises(SeriesError):
        write_segmentation(
            *(labels, Grid(scan.grid.shape, moved), {1: "bright"}, files, tmp_path / "seg.dcm")
        )
    assert not (tmp_path / "seg.dcm").exists()
