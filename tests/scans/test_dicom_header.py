"""What is DICOM, what is an image, and what one header says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.scans.dicom_header import is_dicom, read_planes
from tests.scans.series import make_series, save


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (bytes(128) + b"DICM", True),
        (b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100", True),
        (b"\x08\x00\x05\x00\x0a\x00\x00\x00ISO_IR 100", True),
        (b"\x00\x08\x00\x05CS\x00\x0aISO_IR 100", True),
        (b"\x02\x00\x00\x00UL\x04\x00\x00\x00\x00\x00", True),
        (b"# a text about scans", False),
        (b"", False),
        (b"\x1f\x8b\x08\x00" + bytes(128), False),
        (b"\x5c\x01\x00\x00" + bytes(128), False),
        (b"\x08\x00", False),
    ],
)
def test_is_dicom(head: bytes, expected: bool) -> None:
    assert is_dicom(head) is expected


def plane(tmp_path: Path, **values: object):
    dataset = make_series(n=1)[0]
    for name, value in values.items():
        setattr(dataset, name, value)
    (path,) = save([dataset], tmp_path)
    return read_planes(path).planes[0]


def test_one_header(tmp_path: Path) -> None:
    one = plane(tmp_path)
    assert one.header.modality == "ct"
    assert (one.slope, one.intercept) == (1.0, -1024.0)
    np.testing.assert_allclose(one.place.position, (-9.0, -7.5, -16.5))
    np.testing.assert_allclose(one.place.normal, (0, 0, 1))
    assert one.place.spacing == (1.5, 1.25)
    assert one.header.pixels.value_range == (0, 65535)


def test_patient_text_is_not_kept(tmp_path: Path) -> None:
    assert "anary" not in repr(plane(tmp_path))


def test_modality_from_the_class_where_the_tag_is_blank(tmp_path: Path) -> None:
    assert plane(tmp_path, Modality="").header.modality == "ct"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ImagePositionPatient", None),
        ("ImageOrientationPatient", ["1", "0", "0", "1", "0", "0"]),
        ("ImageOrientationPatient", ["0"] * 6),
        ("PixelSpacing", ["0", "1"]),
    ],
)
def test_planes_without_a_place(name: str, value: object, tmp_path: Path) -> None:
    assert plane(tmp_path, **{name: value}).known_place is None


def test_a_slope_of_zero_is_damage(tmp_path: Path) -> None:
    assert "slope of 0" in plane(tmp_path, RescaleSlope="0").damage


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"BitsAllocated": 12}, "bits allocated"),
        ({"BitsStored": 20}, "impossible pixel bits"),
        ({"Rows": 0}, "matrix size"),
    ],
)
def test_impossible_headers_are_refused(values: dict[str, int], words: str, tmp_path: Path) -> None:
    dataset = make_series(n=1)[0]
    (path,) = save([dataset], tmp_path)
    for name, value in values.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    assert words in read_planes(path).refused


def test_colour_is_set_aside(tmp_path: Path) -> None:
    dataset = make_series(n=1)[0]
    dataset.SamplesPerPixel = 3
    (path,) = save([dataset], tmp_path)
    assert "colour" in read_planes(path).set_aside
