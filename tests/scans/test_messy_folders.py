"""The messy-folder matrix: each case is read right, or refused or set aside with its reason.

Every scan that is read is scored as a whole: each measured voxel against the value that the world
holds where the scan's own affine puts it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Listing, Scan, discover, load_found
from tests.scans import messy_formats, messy_series, messy_volumes
from tests.scans.messy_series import foreign_character_set
from tests.scans.series import AXIAL, make_series, save, score

COVERS = (
    "dicom_series",
    "dicom_split",
    "dicom_stack",
    "dicom_copies",
    "dicom_traits",
    "planes",
)

CASES = messy_series.CASES | messy_formats.CASES | messy_volumes.CASES

CLASSIC = [
    *messy_series.CASES,
    *(name for name in messy_formats.CASES if not name.startswith(("enhanced", "zip"))),
]
"""Cases in which each file holds one slice."""


def read(folder: Path) -> tuple[Listing, list[Scan]]:
    listing = discover(folder)
    return listing, [load_found(found) for found in listing.scans]


@pytest.mark.parametrize("name", sorted(CASES))
def test_messy_folder_is_never_silently_wrong(name: str, tmp_path: Path) -> None:
    expected = CASES[name](tmp_path / "in")
    listing, scans = read(tmp_path / "in")
    found = [len(scan.missing) for scan in scans]
    refusals = [refusal.reason for refusal in listing.refused]
    aside = [entry.reason for entry in listing.set_aside]
    assert sorted(found) == sorted(expected.missing), (refusals, aside)
    for scan in scans:
        assert score(scan, expected.contrasts) <= expected.error
    for words in expected.refused:
        assert any(words in reason for reason in refusals), refusals
    assert len(refusals) == 0 or expected.refused, refusals
    for words in expected.aside:
        assert any(words in reason for reason in aside), aside
    if expected.note:
        assert any(expected.note in note for scan in scans for note in scan.notes)


@pytest.mark.parametrize("name", sorted(CLASSIC))
def test_every_file_is_accounted_for_exactly_once(name: str, tmp_path: Path) -> None:
    CASES[name](tmp_path / "in")
    listing = discover(tmp_path / "in")
    used = [f for found in listing.scans for f in found.source.files if f is not None]
    damaged = [note for found in listing.scans for note in found.notes if "damaged" in note]
    named = [f for entry in (*listing.refused, *listing.set_aside) for f in entry.files]
    everything = {path for path in (tmp_path / "in").rglob("*") if path.is_file()}
    assert len(used) + len(named) == len({*used, *named})
    unnamed = everything - set(used) - set(named)
    assert len(unnamed) == len(damaged)
    assert all(any(path.name in note for note in damaged) for path in unnamed)


def test_ids_are_safe_and_hold_no_patient_text(tmp_path: Path) -> None:
    foreign_character_set(tmp_path / "Ünsafe folder!")
    (found,) = discover(tmp_path).scans
    assert found.id == "Unsafe_folder/4_Schadel"
    assert "anary" not in str(discover(tmp_path).as_json())


def test_axes_are_column_row_slice_along_the_normal(tmp_path: Path) -> None:
    save(make_series(axes=AXIAL), tmp_path)
    (scan,) = read(tmp_path)[1]
    assert scan.stored.shape == (14, 10, 12)
    np.testing.assert_allclose(np.diag(scan.affine), [-1.25, -1.5, 3.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(scan.affine[:3, 3], [9.0, 7.5, -16.5], atol=1e-9)
