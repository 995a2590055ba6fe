"""What is known of the real scans, and nothing more, is found in them."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from medgan.scans import discover, load_found

DATA = Path(os.environ.get("MEDGAN_DATA", Path(__file__).parents[3] / "shared" / "data"))

COMPLETE = [
    "mr_t1_dicom",
    "ct_abdomen_dicom",
    "ct_body_jpeg2000_dicom",
    "ct_abdomen_nifti",
    "brain_ms_mni",
    "brain_ms_clinical",
    "brain_tumour_studies",
    "mr_enhanced_multiframe_phantom",
]


def folder(name: str) -> Path:
    if not (DATA / name).is_dir():
        pytest.skip(f"no real scans: {name} is not below MEDGAN_DATA")
    return DATA / name


@pytest.mark.parametrize("name", COMPLETE)
def test_complete_scans_have_no_gap_and_nothing_is_refused(name: str) -> None:
    listing = discover(folder(name))
    assert listing.scans
    assert not listing.refused
    assert not listing.set_aside
    assert all(found.missing == () for found in listing.scans)


def test_mixed_scan_folder_as_its_readme_says() -> None:
    listing = discover(folder("mixed_scan_folder"))
    missing = {found.id: set(found.missing_instances) for found in listing.scans}
    assert missing == {
        "HFP/2_t1_fl2d_sag/2_t1_fl2d_sag": {17, 18},
        "HFS/3_t1_fl2d_sag/3_t1_fl2d_sag": {13, 22},
    }
    assert listing.refused == ()
    aside = {entry.reason.split(",")[0]: len(entry.files) for entry in listing.set_aside}
    assert aside == {
        "a single slice": 1,
        "a Siemens mosaic: each file is a whole volume tiled into one picture": 2,
        "no scan": 2,
    }
    x_mm = [
        sorted(round(-float(found.grid.position([0, 0, k])[0]), 1) for k in found.missing)
        for found in listing.scans
    ]
    assert x_mm == [[-4.8, 0.0], [-24.0, 19.2]]


def test_hippocampus_images_and_labels() -> None:
    root = folder("hippocampus")
    images, labels = discover(root / "images"), discover(root / "labels")
    assert {found.kind for found in images.scans} == {"image"}
    assert {found.kind for found in labels.scans} == {"label"}
    assert not any(found.missing for found in (*images.scans, *labels.scans))
    assert not images.refused
    assert not labels.refused


@pytest.mark.parametrize("name", ["ct_abdomen_dicom", "mr_t1_dicom", "ct_body_jpeg2000_dicom"])
def test_complete_series_as_simpleitk_reads_them(name: str) -> None:
    """On a complete, untilted, single series SimpleITK is right: same voxels in the same places."""
    (found,) = discover(folder(name)).scans
    scan = load_found(found)
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames([str(file) for file in found.source.files])
    image = reader.Execute()
    direction = np.array(image.GetDirection()).reshape(3, 3) * np.array(image.GetSpacing())
    np.testing.assert_allclose(scan.grid.affine_lps[:3, 3], image.GetOrigin(), atol=1e-3)
    np.testing.assert_allclose(scan.grid.affine_lps[:3, :3], direction, atol=1e-4)
    values = SimpleITK.GetArrayFromImage(image).transpose()
    np.testing.assert_allclose(scan.values, values, atol=1e-3)


def test_enhanced_phantom() -> None:
    (found,) = discover(folder("mr_enhanced_multiframe_phantom")).scans
    scan = load_found(found)
    assert scan.stored.shape == (256, 256, 12)
    np.testing.assert_allclose(scan.spacing_mm, (1, 1, 5), atol=1e-6)
    np.testing.assert_allclose(scan.slope, 1.29304029304029)
    np.testing.assert_allclose(
        scan.affine[:3, 3], (125.65789473056, 147.76315879821, -10.921052932739), atol=1e-5
    )


def test_padding_of_the_ct_is_what_its_signed_pixels_hold() -> None:
    (found,) = discover(folder("ct_abdomen_dicom")).scans
    scan = load_found(found)
    assert scan.padding == -2000 == scan.stored.min()
