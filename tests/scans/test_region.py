"""Masks read onto the grid of their scan, as other programs store them, and voxels marked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import SimpleITK

from medgan.errors import ReadError, SeriesError, ValidationError
from medgan.scans import discover, load_found, read_region, validate, write_mask, write_nifti
from tests.restoration.phantom import make_scan


def marked(shape: tuple[int, ...] = (40, 44, 24)) -> np.ndarray:
    region = np.zeros(shape, bool)
    region[5:9, 20:26, 3:5] = True
    region[30, 2, 20] = True
    return region


def save(path: Path, region: np.ndarray, affine: np.ndarray) -> Path:
    nib.save(nib.Nifti1Image(region.astype(np.uint8), affine), path)
    return path


@pytest.mark.parametrize("codes", ["RAS", "LPS", "SRA", "IPL"])
def test_a_mask_in_any_voxel_order_is_turned_onto_the_grid(tmp_path: Path, codes: str) -> None:
    scan = make_scan(through=2.5)
    image = nib.Nifti1Image(marked().astype(np.uint8), scan.affine)
    start = nib.orientations.io_orientation(scan.affine)
    end = nib.orientations.axcodes2ornt(tuple(codes))
    turned = image.as_reoriented(nib.orientations.ornt_transform(start, end))
    nib.save(turned, tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(read_region(tmp_path / "m.nii.gz", scan.grid), marked())


def test_a_mask_of_another_program_is_read(tmp_path: Path) -> None:
    scan = make_scan()
    image = SimpleITK.GetImageFromArray(marked().astype(np.uint8).transpose(2, 1, 0))
    image.SetDirection([-1, 0, 0, 0, -1, 0, 0, 0, 1])  # LPS: scan.affine is the identity in RAS
    SimpleITK.WriteImage(image, str(tmp_path / "m.nrrd"))
    np.testing.assert_array_equal(read_region(tmp_path / "m.nrrd", scan.grid), marked())


@pytest.mark.parametrize("shift", [[0.2, 0, 0], [0, 0, 1]])
def test_a_mask_that_lies_elsewhere_is_refused(tmp_path: Path, shift: list[float]) -> None:
    affine = np.eye(4)
    affine[:3, 3] = shift
    path = save(tmp_path / "m.nii", marked(), affine)
    with pytest.raises(SeriesError, match="does not lie on the grid"):
        read_region(path, make_scan().grid)


def test_masks_that_mark_nothing_or_all_or_are_not_there_are_refused(tmp_path: Path) -> None:
    grid = make_scan().grid
    for fill, word in ((0, "no voxel"), (1, "every voxel")):
        path = save(tmp_path / "m.nii", np.full(grid.shape, fill), np.eye(4))
        with pytest.raises(SeriesError, match=word):
            read_region(path, grid)
    with pytest.raises(ReadError):
        read_region(tmp_path / "none.nii", grid)
    path = save(tmp_path / "m.nii", marked()[:20], np.eye(4))
    with pytest.raises(SeriesError, match="grid"):
        read_region(path, grid)


def test_only_voxels_of_the_region_can_be_written() -> None:
    scan = make_scan().with_region(marked())
    np.testing.assert_array_equal(np.flatnonzero(scan.synthetic), [3, 4, 20])
    values = np.full(scan.stored.shape, 777.0)
    out = scan.with_voxels(marked(), values)
    np.testing.assert_array_equal(out.stored[~marked()], scan.stored[~marked()])
    assert (out.stored[marked()] == 777).all()
    outside = marked()
    outside[0, 0, 0] = True
    with pytest.raises(ValueError, match="measured"):
        scan.with_voxels(outside, values)
    with pytest.raises(ValueError, match="measured"):
        make_scan().with_voxels(marked(), values)


def test_slices_filled_later_join_the_region() -> None:
    scan = make_scan().with_region(marked()).without([4, 10])
    assert not scan.made_voxels[..., 4].any()
    out = scan.with_slices([4, 10], np.zeros((2, 40, 44)))
    assert out.made_voxels[..., [4, 10]].all()
    np.testing.assert_array_equal(out.made_voxels[..., 3], marked()[..., 3])


def test_a_region_written_is_proved_voxel_by_voxel_and_read_back(tmp_path: Path) -> None:
    measured = make_scan().with_region(marked())
    out = measured.with_voxels(marked(), np.full(measured.stored.shape, 500.0))
    files = [
        write_nifti(out, tmp_path / "a.nii.gz"),
        write_mask(out, tmp_path / "a_mask.nii.gz"),
    ]
    validate(files, measured)
    mask = np.asanyarray(nib.load(files[1]).dataobj)
    np.testing.assert_array_equal(mask, marked())
    (found,) = discover(tmp_path / "a.nii.gz").images
    again = load_found(found)
    np.testing.assert_array_equal(again.made_voxels, marked())
    np.testing.assert_array_equal(again.synthetic, out.synthetic)

    beyond = out.stored.copy()
    beyond[0, 0, 3] += 1  # in a slice that the region touches, but not in the region
    write_nifti(replace(out, stored=beyond), files[0])
    with pytest.raises(ValidationError, match="slice 3"):
        validate(files, measured)
