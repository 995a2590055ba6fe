"""Directions and coordinates as they are written."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset

from medgan.scans.dicom_place import orientation, rounding_mm
from medgan.scans.dicom_tags import Tags


def test_direction_cosines_are_normalised() -> None:
    dataset = Dataset()
    dataset.ImageOrientationPatient = ["0.9999", "0", "0", "0", "1.0001", "0.001"]
    axes = orientation(Tags(dataset))
    assert axes is not None
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1)


def test_rounding_of_written_coordinates() -> None:
    assert rounding_mm(("-16.5", "0", "12.25")) == pytest.approx(0.005)
    assert rounding_mm(("-16", "0", "12")) == pytest.approx(0.5)
    assert rounding_mm(("1.0e1", "2e0")) == 0
