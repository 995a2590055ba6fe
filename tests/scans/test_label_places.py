from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from medgan.errors import SeriesError
from medgan.scans import (
    Grid,
    Order,
    discover,
    image_of,
    is_made_mask,
    labels_on,
    load,
    write_dicom,
    write_segmentation,
)
from tests.scans.restored import restored_series
from tests.scans.volumes import STRAIGHT, world_volume


def put(path, values, affine=STRAIGHT):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, affine), path)


def volumes(root):
    image = np.rint(world_volume(STRAIGHT)).astype(np.int16)
    return image, (image > 100).astype(np.uint8), root


def partner(root):
    scans = discover(root).scans
    (label,) = [found for found in scans if found.kind == "label"]
    found = image_of(label, [one for one in scans if one.kind == "image"])
    return None if found is None else found.id


def test_the_only_image_on_its_grid_is_the_one(tmp_path):
    image, label, _ = volumes(tmp_path)
    put(tmp_path / "scan.nii.gz", image)
    put(tmp_path / "liver_seg.nii.gz", label)
    other = STRAIGHT.copy()
    other[:3, 3] += 5
    put(tmp_path / "elsewhere.nii.gz", image, other)
    assert partner(tmp_path) == "scan"


def test_of_several_the_one_of_its_name(tmp_path):
    image, label, _ = volumes(tmp_path)
    for name in "ab":
        put(tmp_path / "images" / f"{name}.nii.gz", image + ord(name))
    put(tmp_path / "labels" / "b.nii.gz", label)
    assert partner(tmp_path) == "images/b"


def test_none_where_it_is_not_certain(tmp_path):
    image, label, _ = volumes(tmp_path)
    for name in "ab":
        put(tmp_path / f"{name}.nii.gz", image + ord(name))
    put(tmp_path / "c_seg.nii.gz", label)
    assert partner(tmp_path) is None


def test_a_segmentation_names_its_series(tmp_path):
    scan = restored_series(tmp_path / "in")
    files = write_dicom(scan, tmp_path / "out", Order("x", "y"))
    labels = (scan.values > 100).astype(np.uint8)
    write_segmentation(labels, scan.grid, {1: "a"}, files, tmp_path / "out" / "seg.dcm")
    (image,) = discover(tmp_path / "out").images
    assert partner(tmp_path / "out") == image.id


def test_labels_find_their_voxels_on_a_larger_grid_turned_round():
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    labels = np.zeros((3, 4, 2), dtype=np.uint8)
    labels[2, 1, 0], labels[0, 3, 1] = 5, 7
    turned = np.diag([-2.0, 3.0, 4.0, 1.0])
    turned[:3, 3] = [8, -3, 0]  # the other grid starts at x = 8 and runs back
    placed = labels_on(labels, Grid((3, 4, 2), affine), Grid((5, 6, 2), turned))
    assert placed[2, 2, 0] == 5
    assert placed[4, 4, 1] == 7
    assert np.count_nonzero(placed) == 2


def test_labels_between_voxels_are_refused():
    labels = np.ones((2, 2, 2), dtype=np.uint8)
    moved = np.eye(4)
    moved[0, 3] = 0.4
    with pytest.raises(SeriesError, match="do not lie"):
        labels_on(labels, Grid((2, 2, 2), np.eye(4)), Grid((4, 4, 4), moved))


def test_masks_of_ours_go_with_their_image(tmp_path):
    image, _, _ = volumes(tmp_path)
    image[:, :, 4] = image.min()
    put(tmp_path / "a.nii.gz", image)
    mask = np.zeros(image.shape, np.uint8)
    mask[:, :, 4] = 1
    put(tmp_path / "a_missing_mask.nii.gz", mask)
    put(tmp_path / "a_mask.nii.gz", mask)
    scans = discover(tmp_path).scans
    images = [found for found in scans if found.kind == "image"]
    made = {one.id: is_made_mask(one, images) for one in scans if one.kind == "label"}
    # `a_mask` is somebody else's: the image is none of ours.
    assert made == {"a_missing_mask": True, "a_mask": False}
    assert load(tmp_path / "a.nii.gz")[0].missing == (4,)
