"""Real scans out and in again: measured slices bit for bit, through other programs."""

from __future__ import annotations

import hashlib

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.scans import Order, discover, load_found, validate, write_dicom, write_mask, write_nifti
from tests.scans.restored import filled


def pixel_hash(path) -> str:
    return hashlib.sha256(pydicom.dcmread(path).pixel_array.tobytes()).hexdigest()


@pytest.mark.parametrize("folder", ["mixed_scan_folder", "ct_body_jpeg2000_dicom"])
def test_measured_slices_are_the_same_in_dicom_and_nifti(tmp_path, data_dir, folder):
    if not (data_dir / folder).is_dir():
        pytest.skip(f"{folder} is not there")
    for found in discover(data_dir / folder).images[:2]:
        source = load_found(found)
        if not source.missing:
            source = source.without([3])
        scan = filled(source)
        out = tmp_path / scan.id
        files = write_dicom(scan, out, Order("x", "y"))
        nifti = write_nifti(scan, tmp_path / f"{scan.id}.nii.gz")
        mask = write_mask(scan, tmp_path / f"{scan.id}_mask.nii.gz")
        validate([*files, nifti, mask], source)
        validate([*files, nifti, mask], scan)
        volume = np.asanyarray(nib.load(nifti).dataobj.get_unscaled())
        for position in np.flatnonzero(source.present):
            original = scan.source.files[position]
            assert pixel_hash(original) == pixel_hash(files[position])
            plane = pydicom.dcmread(original).pixel_array.T
            assert np.array_equal(volume[:, :, position], plane)
            written, read = (
                pydicom.dcmread(path, stop_before_pixels=True).ImagePositionPatient
                for path in (files[position], original)
            )
            assert [str(v) for v in written] == [str(v) for v in read]
