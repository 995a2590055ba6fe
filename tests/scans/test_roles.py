"""One rule pairs by name: whatever layout training takes, export and BIDS names take too."""

from __future__ import annotations

from pathlib import PurePosixPath

import nibabel as nib
import numpy as np
import pytest

from medgan.scans import bids_name, discover, image_of, is_further_channel, without_role
from tests.scans.layouts import LAYOUTS

SHAPE = (8, 9, 6)


def put(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


@pytest.mark.parametrize(("image", "label"), LAYOUTS)
def test_of_two_images_on_one_grid_export_takes_the_one_training_takes(tmp_path, image, label):
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[2:5, 3:6, 1:4] = 1
    drawn[2:5, 3:6, 4:5] = 2
    for seed, case in enumerate(("a1", "b2")):
        values = np.random.default_rng(seed).normal(100, 20, SHAPE).astype(np.float32)
        put(tmp_path / image.format(case), values)
        put(tmp_path / label.format(case), drawn)
    listing = discover(tmp_path)
    labels = [found for found in listing.scans if found.kind == "label"]
    pairs = {one.source.files[0]: image_of(one, listing.images) for one in labels}
    assert {label: found and found.source.files[0] for label, found in pairs.items()} == {
        tmp_path / label.format(case): tmp_path / image.format(case) for case in ("a1", "b2")
    }


@pytest.mark.parametrize(("image", "label"), LAYOUTS)
def test_an_image_and_its_label_are_of_one_subject_and_no_others(image, label):
    def subject(path, *, is_label):
        scan_id = path.removesuffix(".nii.gz")
        return bids_name(scan_id, "mr", is_label=is_label).entities["sub"]

    one, other = (
        {subject(image.format(c), is_label=False), subject(label.format(c), is_label=True)}
        for c in ("anna", "otto")
    )
    assert len(one) == len(other) == 1
    assert one != other


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("imagesTs/x_0000.nii.gz", ("Ts", "x")),  # a test case x is none of the training cases
        ("raw/x_0000.nii.gz", ("raw", "x_0000")),  # no nnU-Net folder: a number like any other
        ("image.nii.gz", ()),
        ("left.atrium/labels/x.nrrd", ("left.atrium", "x")),
        ("masked/x", ("masked", "x")),
    ],
)
def test_what_is_left_of_a_path(path, parts):
    assert without_role(PurePosixPath(path)) == parts


def test_further_channels_are_those_of_nnunet_folders():
    names = ("imagesTr/x_0000", "imagesTr/x_0001", "images/x_0001", "labelsTr/x_0001")
    assert [is_further_channel(PurePosixPath(name)) for name in names] == [
        False,
        True,
        False,
        False,
    ]


def test_export_takes_the_first_channel_of_an_nnunet_case(tmp_path):
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[2:5, 3:6, 1:4] = 1
    for seed, channel in enumerate(("0000", "0001")):
        values = np.random.default_rng(seed).normal(100, 20, SHAPE).astype(np.float32)
        put(tmp_path / "imagesTr" / f"x_{channel}.nii.gz", values)
    put(tmp_path / "labelsTr" / "x.nii.gz", drawn)
    listing = discover(tmp_path)
    (label,) = (found for found in listing.scans if found.kind == "label")
    found = image_of(label, listing.images)
    assert found is not None
    assert found.id == "imagesTr/x_0000"
