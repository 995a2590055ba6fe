"""The doors of `import medgan`."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import medgan
from medgan.errors import ModelError, UsageError
from medgan.scans import load
from tests.cli.small_scans import write_scan


def test_a_folder_is_inspected(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    (found,) = medgan.inspect(source).images
    assert (found.missing, found.modality) == ((8,), "mr")
    (found,) = medgan.inspect(str(source), modality="ct").images
    assert found.modality == "ct"


def test_a_scan_in_memory_is_restored(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    (scan,) = medgan.load(source)
    restored = medgan.restore(scan, model="none")
    assert restored.scan.missing == ()
    assert restored.record.status == "restored"
    over = medgan.restore(scan, model="none", missing=[5, 8])
    assert [f.position for f in over.record.filled] == [5, 8]


def test_a_folder_is_restored_as_by_the_command(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    (scan,) = medgan.load(source)
    summary = medgan.restore(source.parent, tmp_path / "out", model="none")
    assert summary.exit_code == 0
    written = np.asarray(nib.load(tmp_path / "out" / "a.nii.gz").dataobj)
    assert np.array_equal(written, medgan.restore(scan, model="none").scan.stored)


def test_arguments_that_clash_are_refused(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    with pytest.raises(UsageError, match="output folder"):
        medgan.restore(source)  # type: ignore[call-overload]
    (scan,) = medgan.load(source)
    with pytest.raises(UsageError, match="in memory"):
        medgan.restore(scan, tmp_path / "x")  # type: ignore[call-overload]


def test_virtual_scans_need_a_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        medgan.synthesize(tmp_path, 2)


def test_ends_are_filled_in_memory_and_files_take_the_other_options(tmp_path: Path) -> None:
    (scan,) = load(write_scan(tmp_path / "a.nii.gz"))
    restored = medgan.restore(scan.without([0]), model="none", fill_ends=True)
    assert restored.record.filled[0].extrapolated
    with pytest.raises(UsageError, match="file or folder"):
        medgan.restore(scan, upsample=2)  # type: ignore[call-overload]
    out = tmp_path / "out"
    summary = medgan.restore(
        tmp_path / "a.nii.gz", out, model="none", upsample=2, slices="missing", fill_ends=False
    )
    assert summary.records[0].shape == (24, 22, 39)
