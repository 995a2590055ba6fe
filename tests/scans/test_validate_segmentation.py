from __future__ import annotations

import numpy as np
import pytest

from medgan.errors import ValidationError
from medgan.scans import Order, validate_segmentation, write_dicom, write_segmentation
from tests.scans.restored import virtual_scan


def test_a_label_that_is_not_where_it_was_is_told(tmp_path):
    scan = virtual_scan()
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    labels = np.digitize(scan.values, np.percentile(scan.values, [50, 80])).astype(np.uint8) * 3
    path = write_segmentation(labels, scan.grid, {3: "a", 6: "b"}, files, tmp_path / "seg.dcm")
    validate_segmentation(path, labels, scan.grid)
    wrong = labels.copy()
    wrong[2, 3, 4] = 3 if labels[2, 3, 4] != 3 else 6
    with pytest.raises(ValidationError, match="not as they were"):
        validate_segmentation(path, wrong, scan.grid)
    with pytest.raises(ValidationError, match="cannot be read back"):
        validate_segmentation(tmp_path / "none.dcm", labels, scan.grid)


def test_one_label_is_proved_as_well(tmp_path):
    scan = virtual_scan()
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    labels = (scan.values > 100).astype(np.uint8) * 4
    path = write_segmentation(labels, scan.grid, {4: "a"}, files, tmp_path / "seg.dcm")
    validate_segmentation(path, labels, scan.grid)
    with pytest.raises(ValidationError):
        validate_segmentation(path, np.roll(labels, 1, axis=0), scan.grid)
