"""What medgan made does not come back as measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.scans import Scan, discover, load_found, write_mask, write_nifti
from tests.scans.volumes import STRAIGHT, world_volume, write


@pytest.fixture
def restored(tmp_path: Path) -> Scan:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    stored[:, 6:8] = 0
    write(tmp_path / "in.nii", stored, STRAIGHT)
    (found,) = discover(tmp_path).scans
    scan = load_found(found)
    assert (scan.axis, scan.missing) == (1, (6, 7))
    return scan.with_slices(scan.missing, world_volume(STRAIGHT)[:, 6:8].transpose(1, 0, 2))


def test_the_mask_says_which_slices_and_along_which_axis(restored: Scan, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_nifti(restored, out / "a.nii.gz")
    write_mask(restored, out / "a_mask.nii.gz")
    listing = discover(out)
    assert {found.id: found.kind for found in listing.scans} == {"a": "image", "a_mask": "label"}
    assert listing.images[0].holds_made
    again = load_found(listing.images[0])
    assert (again.axis, again.missing) == (1, ())
    assert np.flatnonzero(again.synthetic).tolist() == [6, 7]
    assert any("2 slices were made by medgan" in note for note in again.notes)
    assert again.content_hash == restored.content_hash


def test_a_lost_mask_is_told(restored: Scan, tmp_path: Path) -> None:
    write_nifti(restored, tmp_path / "out" / "a.nii.gz")
    (found,) = discover(tmp_path / "out").scans
    assert any("its mask is not beside it" in note for note in found.notes)


def test_a_virtual_scan_is_synthetic_throughout(restored: Scan, tmp_path: Path) -> None:
    virtual = replace(restored, synthetic=np.ones_like(restored.synthetic))
    write_nifti(virtual, tmp_path / "out" / "a.nii.gz")
    (found,) = discover(tmp_path / "out").scans
    assert found.holds_made
    assert load_found(found).synthetic.all()


def test_files_of_others_have_nothing_made(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", np.rint(world_volume(STRAIGHT)).astype("i2"), STRAIGHT)
    (found,) = discover(tmp_path).scans
    assert not found.holds_made
    assert not load_found(found).synthetic.any()
