"""Pairing: every layout of the contract, and a name for everything that is left out."""

import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from medgan.data import index_cases
from medgan.errors import DataError
from medgan.scans import discover, load_found, write_mask, write_nifti
from tests.scans.layouts import LAYOUTS

COVERS = ("cases", "datalist")

SHAPE = (8, 9, 6)


def write_image(path, seed=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).normal(100, 20, SHAPE).astype(np.float32)
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


def write_label(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.zeros(SHAPE, np.uint8)
    values[2:5, 3:6, 1:4] = 1
    values[2:5, 3:6, 4:5] = 2
    nib.save(nib.Nifti1Image(values, np.eye(4)), path)


def names(cases):
    """Case id to the two files, relative."""
    result = {}
    for case in cases.pairs:
        label = None if case.label is None else case.label.source.files[0].name
        result[case.id] = (case.image.source.files[0].name, label)
    return result


@pytest.mark.parametrize(("image", "label"), LAYOUTS)
def test_layouts_by_name(tmp_path, image, label):
    for n, case in enumerate(["a1", "b2"]):
        write_image(tmp_path / image.format(case), n)
        write_label(tmp_path / label.format(case))
    cases = index_cases(tmp_path)
    assert not cases.unpaired
    assert {case_id: (tmp_path / image.format(case_id)).name for case_id in ("a1", "b2")} == {
        case_id: files[0] for case_id, files in names(cases).items()
    }
    assert all(files[1] == (tmp_path / label.format(c)).name for c, files in names(cases).items())


def test_image_and_label_in_one_folder(tmp_path):
    for study in ("study1", "study2"):
        write_image(tmp_path / study / "image.nii.gz")
        write_label(tmp_path / study / "label.nii.gz")
    assert names(index_cases(tmp_path)) == {
        "study1": ("image.nii.gz", "label.nii.gz"),
        "study2": ("image.nii.gz", "label.nii.gz"),
    }


def test_two_data_sets_in_one_folder_keep_apart(tmp_path):
    for part in ("left", "right"):
        write_image(tmp_path / part / "images" / "x.nii.gz")
        write_label(tmp_path / part / "labels" / "x.nii.gz")
    assert sorted(names(index_cases(tmp_path))) == ["left/x", "right/x"]


def test_what_is_unpaired_is_named(tmp_path):
    write_image(tmp_path / "images" / "whole.nii.gz")
    write_label(tmp_path / "labels" / "whole.nii.gz")
    write_image(tmp_path / "images" / "alone.nii.gz")
    write_label(tmp_path / "labels" / "orphan.nii.gz")
    cases = index_cases(tmp_path)
    assert list(names(cases)) == ["whole"]
    assert {one.path: one.reason for one in cases.unpaired} == {
        "images/alone.nii.gz": "an image without a label map, among images that have one",
        "labels/orphan.nii.gz": "a label map without an image",
    }


def test_second_channel_is_named_and_not_used(tmp_path):
    for channel in ("0000", "0001"):
        write_image(tmp_path / "imagesTr" / f"x_{channel}.nii.gz")
    write_label(tmp_path / "labelsTr" / "x.nii.gz")
    cases = index_cases(tmp_path)
    assert names(cases) == {"x": ("x_0000.nii.gz", "x.nii.gz")}
    assert [one.path for one in cases.unpaired] == ["imagesTr/x_0001.nii.gz"]


def test_the_mask_of_restored_slices_is_no_label(tmp_path):
    write_image(tmp_path / "x.nii.gz")
    (found,) = discover(tmp_path).images
    scan = load_found(found)
    made = replace(scan, synthetic=np.arange(scan.n_positions) == 3)
    write_nifti(made, tmp_path / "x.nii.gz")
    write_mask(made, tmp_path / "x_mask.nii.gz")
    cases = index_cases(tmp_path)
    assert names(cases) == {"x": ("x.nii.gz", None)}
    assert [one.reason for one in cases.unpaired] == ["the mask of slices that medgan made"]


def test_twins_are_not_guessed_between(tmp_path):
    write_image(tmp_path / "images" / "x.nii.gz")
    write_image(tmp_path / "images" / "x.nii")
    write_label(tmp_path / "labels" / "x.nii.gz")
    with pytest.raises(DataError, match="go by the same name"):
        index_cases(tmp_path)


def test_without_labels_every_image_is_a_case(tmp_path):
    write_image(tmp_path / "p1" / "t1.nii.gz")
    write_image(tmp_path / "p1" / "t2.nii.gz")
    cases = index_cases(tmp_path)
    assert names(cases) == {"p1/t1": ("t1.nii.gz", None), "p1/t2": ("t2.nii.gz", None)}
    assert not cases.unpaired


@pytest.mark.parametrize("by_name", [True, False])
def test_monai_datalist(tmp_path, by_name):
    write_image(tmp_path / "scans" / "one.nii.gz")
    write_label(tmp_path / "truth" / "drawn by hand.nii.gz")
    entries = [
        {"image": "scans/one.nii.gz", "label": ["truth/drawn by hand.nii.gz"]},
        {"image": "scans/gone.nii.gz", "label": "truth/gone.nii.gz"},
    ]
    file = tmp_path / "dataset.json"
    file.write_text(json.dumps({"training": entries}))
    cases = index_cases(file if by_name else tmp_path)
    assert names(cases) == {"one": ("one.nii.gz", "drawn by hand.nii.gz")}
    assert cases.pairs[0].label.kind == "label"
    assert [one.path for one in cases.unpaired] == ["scans/gone.nii.gz"]


def test_datalist_that_is_none_is_refused(tmp_path):
    file = tmp_path / "list.json"
    file.write_text('{"testing": []}')
    with pytest.raises(DataError, match="`training`") as caught:
        index_cases(file)
    assert caught.value.where == "list.json"
    assert "Example" in caught.value.hint


def test_nnunet_description_is_no_datalist(tmp_path):
    write_image(tmp_path / "imagesTr" / "x_0000.nii.gz")
    write_label(tmp_path / "labelsTr" / "x.nii.gz")
    (tmp_path / "dataset.json").write_text('{"labels": {"background": 0}, "numTraining": 1}')
    assert list(names(index_cases(tmp_path))) == ["x"]


def test_folder_of_label_maps_only(tmp_path):
    write_label(tmp_path / "labels" / "x.nii.gz")
    with pytest.raises(DataError, match="no case to train on") as caught:
        index_cases(tmp_path)
    assert "images/X + labels/X" in caught.value.hint


def test_a_mask_of_missing_slices_is_nobodys_label(tmp_path):
    write_image(tmp_path / "a.nii.gz")
    write_label(tmp_path / "a_missing_mask.nii.gz")
    cases = index_cases(tmp_path)
    assert names(cases) == {"a": ("a.nii.gz", None)}
    assert [one.path for one in cases.unpaired] == ["a_missing_mask.nii.gz"]
