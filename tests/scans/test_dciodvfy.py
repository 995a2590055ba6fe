"""What Debian's dciodvfy says of the objects we write (dicom3tools)."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pydicom
import pytest

from medgan.scans import Order, discover, load, load_found, write_dicom, write_segmentation
from medgan.scans.dciodvfy import errors_of, new_errors
from tests.scans.restored import filled, restored_series, virtual_scan
from tests.scans.series import make_series, save, without

KNOWN = "(0x0008,0x001c)"
"""Synthetic Data is newer than the dictionary of that build; nothing else is let pass."""

pytestmark = pytest.mark.skipif(
    shutil.which("dciodvfy") is None, reason="dciodvfy is not installed (Debian: dicom3tools)"
)


def errors(path: Path) -> set[str]:
    run = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    lines = (run.stdout + run.stderr).splitlines()
    return {line for line in lines if line.startswith("Error") and KNOWN not in line}


@pytest.mark.parametrize("dtype", ["float32", "int16"])
@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_virtual_series_has_no_errors(tmp_path, modality, dtype):
    scan = virtual_scan(modality, dtype)
    files = write_dicom(
        scan, tmp_path / "out", Order(description="virtual", derivation="y", model="m 1")
    )
    labels = (scan.values > 100).astype("u1")
    names = {1: "bright"}
    segmentation = write_segmentation(labels, scan.grid, names, files, tmp_path / "seg.dcm")
    for file in (files[0], files[-1], segmentation):
        assert errors(file) == set()


@pytest.mark.parametrize("deidentify", [False, True])
@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_restored_series_has_no_errors(tmp_path, modality, deidentify):
    scan = restored_series(tmp_path / "in", modality=modality)
    files = write_dicom(*(scan, tmp_path / "out"), Order("x", "y", deidentify=deidentify))
    for file in (files[0], files[4]):
        assert errors(file) == set()


@pytest.mark.parametrize("has_codes", [False, True])
@pytest.mark.parametrize("said", [None, "", "HFS"])
def test_pet_says_once_how_the_patient_lay(tmp_path, said, has_codes):
    datasets = without(make_series(modality="PT"), 4, 5)
    for dataset in datasets:
        if said is not None:
            dataset.PatientPosition = said
        if has_codes:
            dataset.PatientOrientationCodeSequence = []
    save(datasets, tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    files = write_dicom(filled(scan), tmp_path / "out", Order("x", "y"))
    source = scan.source.files[0]
    for file in (files[0], files[4]):
        # Derived PET images are not foreseen: docs/formats_written.md says so.
        new = [line for line in new_errors(file, source) if "Image Type" not in line]
        assert new == []
        assert pydicom.dcmread(file).get("PatientPosition", "") == (said or "")


@pytest.mark.parametrize(
    "folder", ["mixed_scan_folder", "ct_body_jpeg2000_dicom", "mr_enhanced_multiframe_phantom"]
)
def test_restored_real_series_has_no_new_errors(tmp_path, data_dir, folder):
    if not (data_dir / folder).is_dir():
        pytest.skip(f"{folder} is not there")
    found = discover(data_dir / folder).images[0]
    scan = load_found(found)
    source = next(file for file in found.source.files if file is not None)
    scan = filled(scan if scan.missing else scan.without([3]))
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    for position in (0, scan.synthetic.argmax()):
        assert errors(files[int(position)]) <= errors(source)


@pytest.mark.skipif(shutil.which("dcentvfy") is None, reason="dcentvfy is not installed")
def test_slices_of_a_series_do_not_contradict_each_other(tmp_path):
    scan = restored_series(tmp_path / "in")
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    run = subprocess.run(
        ["dcentvfy", *map(str, files)], capture_output=True, text=True, check=False
    )
    assert "Error" not in run.stdout + run.stderr


def test_validate_counts_new_errors_alone_and_prints_no_value(tmp_path):
    save(make_series(n=3), tmp_path / "in")
    source, *_ = sorted((tmp_path / "in").iterdir())
    image = pydicom.dcmread(source)
    before = errors_of(source)
    del image.Rows
    image.PatientSex = "SMITH>JONES"
    made = tmp_path / "made.dcm"
    image.save_as(made)
    new = new_errors(made, source)
    assert any("Rows" in line for line in new)
    assert set(new).isdisjoint(before)
    assert any("Patient's Sex" in line for line in new)
    assert not any("SMITH" in line or "JONES" in line for line in new)
    assert any("StudyDate" in line for line in before & errors_of(made))
    assert new_errors(source, source) == []


def test_a_judge_that_crashes_or_hangs_is_an_error(tmp_path, monkeypatch):
    file = tmp_path / "a.dcm"
    program = tmp_path / "dciodvfy"
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("medgan.scans.dciodvfy.TIME_LIMIT_S", 0.5)
    for script, said in (("kill -SEGV $$", "signal 11"), ("exec sleep 60", "not done within")):
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        errors_of.cache_clear()
        (error,) = errors_of(file)
        assert said in error
    errors_of.cache_clear()
