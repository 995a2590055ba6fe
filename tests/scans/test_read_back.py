"""What we write, read by other programs: the values and places that were meant.

Within 0.5 HU (CT) or one quantisation step (MR), and 1e-3 mm, for every voxel.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import highdicom
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray

from medgan.scans import Order, Scan, write_dicom, write_nifti
from tests.scans.restored import restored_series, virtual_scan
from tests.scans.series import CORONAL, SAGITTAL, oblique
from tests.scans.volumes import oblique_affine

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
Volume = tuple[NDArray[np.generic], NDArray[np.float64]]
PLACE_MM = 1e-3


def by_simpleitk(folder: Path) -> Volume:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return from_itk(reader.Execute())


def from_itk(image: SimpleITK.Image) -> Volume:
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).T, LPS_TO_RAS @ affine


def by_dcm2niix(folder: Path) -> Volume:
    wheel = pytest.importorskip("dcm2niix", reason="dcm2niix is not installed (extra: bench)")
    out = folder.parent / "by_dcm2niix"
    out.mkdir()
    command = [str(wheel.bin), "-z", "n", "-b", "n", "-o", str(out), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = out.glob("*.nii")
    return by_nibabel(path)


def by_nibabel(path: Path) -> Volume:
    image = nib.load(path)
    return image.get_fdata(), image.affine


def by_monai(path: Path, reader: str) -> Volume:
    from monai import data
    from monai.transforms import LoadImage

    image = LoadImage(reader=getattr(data, reader)(), image_only=True)(path)
    return np.asarray(image), np.asarray(image.affine, dtype=float)


def by_highdicom(folder: Path) -> Volume:
    datasets = [pydicom.dcmread(path) for path in sorted(folder.iterdir())]
    volume = highdicom.get_volume_from_series(datasets, apply_presentation_lut=False)
    return volume.array, LPS_TO_RAS @ volume.affine


SERIES_READERS: dict[str, Callable[[Path], Volume]] = {
    "SimpleITK": by_simpleitk,
    "dcm2niix": by_dcm2niix,
    "MONAI": lambda folder: by_monai(folder, "PydicomReader"),
    "highdicom": by_highdicom,
}
NIFTI_READERS: dict[str, Callable[[Path], Volume]] = {
    "SimpleITK": lambda path: from_itk(SimpleITK.ReadImage(str(path))),
    "nibabel": by_nibabel,
    "MONAI": lambda path: by_monai(path, "NibabelReader"),
}

CT = {"modality": "CT"}
MR = {"modality": "MR", "slope": 0.25, "intercept": -900.0}
RESTORED = {
    "ct axial": CT,
    "ct sagittal": {**CT, "axes": SAGITTAL},
    "ct signed oblique": {**CT, "signed": True, "intercept": 0.0, "axes": oblique()},
    "mr coronal": {**MR, "axes": CORONAL},
    "mr oblique, fine": {**MR, "axes": oblique(), "step_mm": 0.7, "spacing_mm": (0.35, 0.6)},
}


def assert_same(volume: Volume, scan: Scan) -> None:
    """Put each voxel of the other program where it says, and compare it with the scan's there."""
    values, affine = volume
    assert sorted(values.shape) == sorted(scan.grid.shape)
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), axis=-1)
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    back = np.linalg.inv(scan.affine)
    nearest = np.rint(ras @ back[:3, :3].T + back[:3, 3]).astype(int)
    assert nearest.min() >= 0
    assert (nearest.max(axis=(0, 1, 2)) < scan.grid.shape).all()
    assert np.linalg.norm(scan.grid.position(nearest) - ras, axis=-1).max() <= PLACE_MM
    step = 0.5 if scan.modality == "ct" else quantum(scan)
    wanted = scan.values[tuple(np.moveaxis(nearest, -1, 0))]
    assert np.abs(values - wanted).max() <= step


def quantum(scan: Scan) -> float:
    """Return the step of the stored values: of 16 bits over the range where they are real."""
    is_real = scan.stored.dtype.kind == "f"
    return float(np.ptp(scan.values)) / 65535 if is_real else float(scan.slope.max())


@pytest.mark.parametrize("reader", sorted(SERIES_READERS))
@pytest.mark.parametrize("name", sorted(RESTORED))
def test_restored_series(name: str, reader: str, tmp_path: Path) -> None:
    scan = restored_series(tmp_path / "in", **RESTORED[name])
    write_dicom(scan, tmp_path / "out", Order("x", "y"))
    assert_same(SERIES_READERS[reader](tmp_path / "out"), scan)


@pytest.mark.parametrize("reader", sorted(SERIES_READERS))
@pytest.mark.parametrize(("modality", "dtype"), [("ct", "int16"), ("mr", "float32")])
def test_virtual_series(modality: str, dtype: str, reader: str, tmp_path: Path) -> None:
    scan = virtual_scan(modality, dtype)
    write_dicom(scan, tmp_path / "out", Order("x", "y"))
    assert_same(SERIES_READERS[reader](tmp_path / "out"), scan)


@pytest.mark.parametrize("reader", sorted(NIFTI_READERS))
@pytest.mark.parametrize("modality", ["ct", "mr"])
@pytest.mark.parametrize("kind", ["restored", "virtual"])
def test_nifti(kind: str, modality: str, reader: str, tmp_path: Path) -> None:
    if kind == "virtual":
        scan = virtual_scan(modality)
    else:
        knobs = {**(CT if modality == "ct" else MR), "axes": oblique()}
        scan = restored_series(tmp_path / "in", **knobs)
    path = write_nifti(scan, tmp_path / "out.nii.gz")
    assert_same(NIFTI_READERS[reader](path), scan)


def test_the_comparison_itself_finds_a_shift_and_a_wrong_value(tmp_path: Path) -> None:
    scan = virtual_scan("ct", "int16")
    assert_same((scan.values, scan.affine), scan)
    for values, affine in (
        (scan.values + 0.6, scan.affine),
        (scan.values, scan.affine + np.outer([0.002, 0, 0, 0], [0, 0, 0, 1])),
        (scan.values, oblique_affine()),
    ):
        with pytest.raises(AssertionError):
            assert_same((values, affine), scan)
