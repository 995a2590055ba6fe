"""Faulty and odd qforms: read as nifti1.h says, or refused by name."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.scans import discover, load_found
from medgan.scans.nifti_world import qform_affine
from tests.scans.series import score
from tests.scans.volumes import STRAIGHT, oblique_affine, patch, world_volume, write

PIXDIM, QUATERNION = 76, 256
"""Where they lie in a NIfTI-1 header, as float32."""


def floats(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


def volume(path: Path, sform: int = 0) -> Path:
    affine = oblique_affine()
    return write(path, np.rint(world_volume(affine)).astype("i2"), affine, sform=sform)


def test_a_qfac_of_zero_is_one(tmp_path: Path) -> None:
    """nifti1.h: "If pixdim[0] = 0.0 (which should not occur), we take qfac=1"."""
    patch(volume(tmp_path / "a.nii"), PIXDIM, floats(0))
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.52
    assert any("qfac" in note for note in found.notes)


@pytest.mark.parametrize(
    ("offset", "data", "words"),
    [
        (PIXDIM, floats(3), "qfac (pixdim[0]) is 3"),
        (PIXDIM + 4, floats(-1.2), "pixdim is -1.2, 1.6, 2.5"),
        (PIXDIM + 8, floats(np.nan), "positive steps"),
        (QUATERNION, floats(0.9, 0.9, 0), "1.27279 long"),
        (QUATERNION, floats(np.nan), "long"),
        (QUATERNION + 12, floats(np.inf), "offset is no number"),
    ],
)
def test_a_faulty_qform_is_named(offset: int, data: bytes, words: str, tmp_path: Path) -> None:
    patch(volume(tmp_path / "a.nii"), offset, data)
    (refusal,) = discover(tmp_path).refused
    assert words in refusal.reason
    patch(volume(tmp_path / "a.nii", sform=1), offset, data)
    (found,) = discover(tmp_path).scans
    assert score(load_found(found)) <= 0.52
    assert any("sform is used" in note and words in note for note in found.notes)


def test_no_code_is_told_from_a_faulty_form(tmp_path: Path) -> None:
    write(tmp_path / "a.nii", np.ones((4, 4, 4), "i2"), STRAIGHT, sform=0, qform=0)
    (refusal,) = discover(tmp_path).refused
    assert "neither qform nor sform has a code" in refusal.reason


@pytest.mark.parametrize("affine", [STRAIGHT, oblique_affine(), np.diag([1, -2, -3, 1.0])])
def test_sound_qforms_are_what_nibabel_makes_of_them(affine: np.ndarray) -> None:
    header = nib.Nifti1Header()
    header.set_qform(affine, 1)
    np.testing.assert_allclose(qform_affine(header), header.get_qform(), atol=1e-6)
    np.testing.assert_allclose(qform_affine(header), affine, atol=1e-5)
