"""Pixel data that are too short, too long, or not there."""

from __future__ import annotations

from pathlib import Path

from medgan.scans.dicom_header import read_planes
from medgan.scans.planes import Plane
from tests.scans.series import make_series, save


def plane(tmp_path: Path, **values: object) -> Plane:
    (dataset,) = make_series(n=1)
    for name, value in values.items():
        setattr(dataset, name, value)
    (path,) = save([dataset], tmp_path)
    return read_planes(path).planes[0]


def test_pixel_data_longer_than_the_matrix_are_noted(tmp_path: Path) -> None:
    longer = plane(tmp_path / "a", Columns=13)
    assert longer.damage == ""
    assert "pixel data is 20 bytes longer than its matrix: not read" in longer.header.notes
    assert plane(tmp_path / "b").header.notes == ()
    assert "too long for its matrix" in plane(tmp_path / "c", Rows=5).damage


def test_pixels_that_are_short_or_absent_are_damage(tmp_path: Path) -> None:
    (path,) = save(make_series(n=1), tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:-40])
    assert "cut short (240 of 280 bytes)" in read_planes(path).planes[0].damage
    path.write_bytes(content[: content.rindex(b"\xe0\x7f\x10\x00")])
    assert read_planes(path).planes[0].damage == "no pixel data"
