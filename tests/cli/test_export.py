"""`medgan export`: the options, and what the command says."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.cli.export import export_overrides
from medgan.errors import UsageError
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan
from tests.scans.linear_world import save_linear

COVERS = ("tilt",)

INLINE = ("--workers", 0)


def test_scans_are_converted_and_what_is_missing_is_said(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8, 9))
    write_scan(tmp_path / "in" / "b.nii.gz")
    (tmp_path / "in" / "notes.txt").write_text("x")
    out = tmp_path / "out"
    result = medgan("export", tmp_path / "in", "-o", out, "--format", "nifti", *INLINE)
    assert result.exit_code == 0, result.output
    assert "a  copied, 2 missing slices left as they are" in result.stdout
    assert "1 file set aside, -v names them" in result.stdout
    names = {p.name for p in out.iterdir()}
    assert names == {
        *(".medgan", "a.json", "a.nii.gz", "a_missing_mask.nii.gz", "b.json", "b.nii.gz"),
    }


def test_strict_names_what_it_refuses(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8, 9))
    write_scan(tmp_path / "in" / "b.nii.gz")
    out = tmp_path / "out"
    result = medgan("export", tmp_path / "in", "-o", out, "--format", "nifti", "--strict", *INLINE)
    assert result.exit_code == 3
    assert "2 slices are missing, at positions 8, 9" in result.stdout
    assert not (out / "a.nii.gz").exists()
    assert (out / "b.nii.gz").exists()


def test_a_name_that_inspect_refuses_is_a_failure_here(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "b.nii.gz")
    (tmp_path / "in" / "bad.nii.gz").write_bytes(b"no NIfTI")
    out = tmp_path / "out"
    result = medgan("export", tmp_path / "in", "-o", out, "--format", "nifti", "--json", *INLINE)
    assert result.exit_code == 3
    assert json.loads(result.stdout)["failed"] == ["bad.nii.gz"]


@pytest.mark.parametrize("format", ["png", "bids,nifti", ""])
def test_formats_that_cannot_be_are_exit_2(medgan: Run, tmp_path: Path, format: str) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    result = medgan("export", source, "-o", tmp_path / "out", "--format", format, *INLINE)
    assert result.exit_code == 2
    assert "--format" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_tilted_stack_is_straightened_by_export_and_restore(medgan: Run, tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in", lost=(4,))
    for words in (("export",), ("restore", "--model", "none")):
        out = tmp_path / words[0]
        call = (*words, source, "-o", out, "--format", "nifti", *INLINE)
        refused = medgan(*call)
        assert refused.exit_code == 1
        assert "--resample" in refused.stdout
        result = medgan(*call, "--resample")
        assert result.exit_code == 0, result.output
        (file,) = (p for p in out.glob("*.nii.gz") if "mask" not in p.name)
        assert nib.affines.obliquity(nib.load(file).affine).max() < 1e-6
        assert medgan(*call, "--sheared").exit_code == 0
        assert np.abs(nib.load(file).affine[1, 2]) > 0.1


def test_options_become_settings() -> None:
    overrides = export_overrides(
        formats="dicom", strict=True, sheared=False, resample=True, axis=0, modality="ct"
    )
    assert set(overrides) == {
        *("export.formats=[dicom]", "index.axis=0", "index.modality=ct"),
        *("export.strict=true", "export.resample=true"),
    }
    with pytest.raises(UsageError):
        export_overrides(
            formats="nifti", strict=False, sheared=True, resample=True, axis=None, modality=None
        )


def test_difference_maps_are_written_when_asked(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    write_scan(tmp_path / "truth" / "a.nii.gz")
    out, maps = tmp_path / "out", tmp_path / "maps"
    medgan("restore", tmp_path / "in", "-o", out, "--model", "none", *INLINE)
    result = medgan("evaluate", "restored", tmp_path / "truth", out, "--maps", maps)
    assert result.exit_code == 0, result.output
    assert [p.name for p in maps.iterdir()] == ["a_difference.nii.gz"]
