"""Every way in which an output can differ from its scan is found, and the file named."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.errors import ValidationError
from medgan.scans import (
    Grid,
    Order,
    Scan,
    discover,
    load,
    load_found,
    validate,
    write_dicom,
    write_mask,
    write_nifti,
)
from tests.scans.restored import filled, restored_series, virtual_scan
from tests.scans.series import make_series, save, without
from tests.scans.volumes import STRAIGHT, world_volume, write

COVERS = ("validate_dicom", "validate_nifti")


@pytest.fixture
def written(tmp_path: Path) -> tuple[Scan, list[Path]]:
    scan = restored_series(tmp_path / "in")
    return scan, write_dicom(scan, tmp_path / "out", Order("x", "y"))


def change(path: Path, **values: object) -> None:
    image = pydicom.dcmread(path)
    for keyword, value in values.items():
        setattr(image, keyword, value)
    image.save_as(path)


def test_what_was_written_passes_against_the_restored_and_the_measured_scan(tmp_path, written):
    scan, files = written
    nifti = write_nifti(scan, tmp_path / "scan.nii.gz")
    mask = write_mask(scan, tmp_path / "scan_mask.nii.gz")
    sidecar = tmp_path / "scan.json"
    sidecar.write_text("{}")
    validate([*files, nifti, mask, sidecar], scan)
    validate([tmp_path / "out", nifti, mask], scan.without([4, 5]))


@pytest.mark.parametrize(
    ("number", "values", "message"),
    [
        (0, {"SyntheticData": "YES"}, "SyntheticData"),
        (4, {"SyntheticData": "NO"}, "SyntheticData"),
        (2, {"RescaleIntercept": "-1023"}, "rescale"),
        (2, {"ImagePositionPatient": ["-9.0", "-7.5", "-10.498"]}, "position"),
        (4, {"ImagePositionPatient": ["-9.0", "-7.5", "-4.498"]}, "mm off"),
        (2, {"ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"]}, "Image Type"),
        (2, {"DerivationDescription": "y"}, "disclaimer"),
        (2, {"InstanceNumber": 40}, "instance numbers"),
        (2, {"SeriesInstanceUID": "2.25.7"}, "SeriesInstanceUID"),
        (2, {"PixelSpacing": ["1.5", "1.3"]}, "off"),
    ],
)
def test_a_changed_header_is_found(written, number, values, message):
    scan, files = written
    change(files[number], **values)
    with pytest.raises(ValidationError, match=message):
        validate(files, scan)


@pytest.mark.parametrize("number", [0, 4, 11])
def test_one_changed_pixel_is_found_and_its_file_named(written, number):
    scan, files = written
    pixels = pydicom.dcmread(files[number]).pixel_array.copy()
    pixels[3, 4] += 1
    change(files[number], PixelData=pixels.tobytes())
    with pytest.raises(ValidationError, match="values are not as they were") as caught:
        validate(files, scan)
    assert caught.value.where == files[number].name


def test_the_same_bits_with_another_sign_are_found(tmp_path):
    scan = restored_series(tmp_path / "in", signed=True, intercept=300.0)
    assert scan.slice(2).min() < 0
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    validate(files, scan)
    change(files[2], PixelRepresentation=0)
    with pytest.raises(ValidationError, match="values are not as they were"):
        validate(files, scan)


def test_lacking_and_damaged_files_are_found(written):
    scan, files = written
    with pytest.raises(ValidationError, match="lacking"):
        validate(files[1:], scan)
    files[3].write_bytes(files[3].read_bytes()[:-50])
    with pytest.raises(ValidationError, match="read back") as caught:
        validate(files, scan)
    assert caught.value.where == files[3].name


def test_stray_positions_within_tolerance_pass_and_stay_verbatim(tmp_path):
    datasets = make_series()
    for n, dataset in enumerate(datasets):
        place = [float(v) for v in dataset.ImagePositionPatient]
        dataset.ImagePositionPatient = [
            f"{place[0]:.3f}",
            "-7.5",
            f"{place[2] + 0.004 * (n % 2):.3f}",
        ]
    save(without(datasets, 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    scan = filled(scan)
    validate(write_dicom(scan, tmp_path / "out", Order("x", "y")), scan)


@pytest.fixture
def volume(tmp_path: Path) -> tuple[Scan, Path]:
    stored = np.rint(world_volume(STRAIGHT)).astype(np.int16)
    stored[:, :, 5] = 0
    (scan,) = load(write(tmp_path / "in.nii", stored, STRAIGHT, slope=2.0, intercept=3.0))
    scan = filled(scan)
    return scan, write_nifti(scan, tmp_path / "out.nii")


def patched(path: Path, offset: int, data: bytes) -> Path:
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("offset", "data", "message"),
    [
        (352, b"\x77", "slice 0"),
        (112, np.float32(2.5).tobytes(), "scaling"),
        (116, np.float32(3.5).tobytes(), "scaling"),
        (292, np.float32(11.99).tobytes(), "mm off"),
        (254, b"\0\0", "sform"),
        (70, b"\x00\x02", "type|shape|read"),
    ],
)
def test_a_changed_byte_of_nifti_is_found(volume, offset, data, message):
    scan, path = volume
    validate([path], scan)
    with pytest.raises(ValidationError, match=message):
        validate([patched(path, offset, data)], scan)


def test_a_wrong_mask_is_found(tmp_path, volume):
    scan, _ = volume
    synthetic = scan.synthetic.copy()
    synthetic[2] = True
    path = write_mask(replace(scan, synthetic=synthetic), tmp_path / "scan_mask.nii.gz")
    with pytest.raises(ValidationError, match="mask of slice 2"):
        validate([path], scan)


def test_volumes_of_a_4d_file_are_each_compared(tmp_path):
    first = np.rint(world_volume(STRAIGHT)).astype(np.int16)
    stored = np.stack([first, first + 7], axis=-1)
    stored[:, :, 5, 1] = 0
    path = tmp_path / "in.nii"
    nib.save(nib.Nifti1Image(stored, STRAIGHT), path)
    scans = [load_found(found) for found in discover(path).images]
    scans = [filled(scan) if scan.missing else scan for scan in scans]
    out = write_nifti(scans, tmp_path / "out.nii.gz")
    mask = write_mask(scans, tmp_path / "out_mask.nii.gz")
    for scan in scans:
        validate([out, mask], scan)
    with pytest.raises(ValidationError, match="slice 0"):
        validate([out], replace(scans[1], source=replace(scans[1].source, volume=0)))


def test_physical_values_are_compared_where_the_rescale_differs(tmp_path):
    datasets = make_series(modality="PT", intercept=0.0)
    for n, dataset in enumerate(datasets):
        pixels = (dataset.pixel_array.astype(int) % 3000).astype("<u2")
        dataset.PixelData = pixels.tobytes()
        dataset.RescaleSlope = f"{1 + 0.1 * n:.2f}"
    save(datasets, tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    path = write_nifti(scan, tmp_path / "scan.nii")
    assert nib.load(path).get_data_dtype() == np.float32
    validate([path], scan)
    with pytest.raises(ValidationError, match="slice 0"):
        validate([patched(path, 352, b"\x01\x02\x03\x04")], scan)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_changed_voxel_is_found_in_whatever_part_of_a_large_file(tmp_path, monkeypatch, axis):
    monkeypatch.setattr("medgan.scans.validate_nifti.PART_VOXELS", 500)
    scan = replace(virtual_scan(dtype="int16", axis=axis), synthetic=np.zeros(0, bool))
    n = scan.stored.shape[axis]
    scan = replace(scan, synthetic=np.arange(n) == n - 1)
    path = write_nifti(scan, tmp_path / "scan.nii.gz")
    mask = write_mask(scan, tmp_path / "scan_mask.nii.gz")
    validate([path, mask], scan)
    at = [3, 5, 7]
    changed = scan.stored.copy()
    changed[tuple(at)] += 1
    write_nifti(replace(scan, stored=changed), path)
    with pytest.raises(ValidationError, match=f"slice {at[axis]} is not as it was"):
        validate([path], scan)
    moved = replace(scan, synthetic=np.arange(n) == 1)
    with pytest.raises(ValidationError, match="the mask of slice 1 is wrong"):
        validate([mask], moved)


def test_a_large_file_is_never_held_whole(tmp_path, monkeypatch):
    scan = virtual_scan(dtype="int16")
    stored = np.tile(np.asarray(scan.stored), (8, 8, 6))
    n = stored.shape[2]
    grid = Grid(stored.shape, STRAIGHT)
    along = {"present": np.ones(n, bool), "synthetic": np.zeros(n, bool)}
    scaling = {"slope": np.ones(n), "intercept": np.zeros(n)}
    large = replace(scan, stored=stored, grid=grid, **along, **scaling)
    monkeypatch.setattr("medgan.scans.validate_nifti.PART_VOXELS", stored.size // 20)
    tracemalloc.start()
    path = write_nifti(large, tmp_path / "large.nii.gz")
    validate([path], large)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < stored.nbytes
