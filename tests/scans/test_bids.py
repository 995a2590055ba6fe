"""Names in a BIDS tree: kept where they are BIDS already, else without anybody's name."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

import pytest

from medgan.scans import (
    bids_name,
    carried_over,
    dataset_files,
    load,
    mask_sidecar,
    sidecar,
    study_of,
)
from tests.scans.restored import virtual_scan
from tests.scans.series import make_series, save

COVERS = ("bids_sidecars",)

BASE = PurePosixPath("/data/study")


def path(scan_id, modality="mr", desc="asread", base=BASE, **knobs):
    return bids_name(scan_id, modality, base=base, **knobs).path(desc, ".nii.gz").as_posix()


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("sub-01/anat/sub-01_T1w", "sub-01/anat/sub-01_desc-asread_T1w.nii.gz"),
        (
            "sub-01/ses-2/anat/sub-01_ses-2_acq-hi_run-1_T2w",
            "sub-01/ses-2/anat/sub-01_ses-2_acq-hi_run-1_desc-asread_T2w.nii.gz",
        ),
        (
            "sub-01/func/sub-01_task-rest_bold",
            "sub-01/func/sub-01_task-rest_desc-asread_bold.nii.gz",
        ),
    ],
)
def test_entities_of_a_source_in_its_place_are_kept(source, wanted):
    assert path(source) == wanted


def test_the_folder_that_was_named_counts_as_part_of_the_place():
    base = PurePosixPath("/data/study/sub-01")
    assert path("anat/sub-01_T1w", base=base) == "sub-01/anat/sub-01_desc-asread_T1w.nii.gz"
    assert path("sub-01_T1w", base=None) == "sub-01/anat/sub-01_desc-asread_T1w.nii.gz"


def test_no_two_scans_get_one_name():
    ids = [
        "sub-01/anat/sub-01_T1w",
        "copy/sub-01/anat/sub-01_T1w",
        "sub-01/anat/sub-01_desc-preproc_T1w",
        "sub-01/anat/sub-01_T1w_2",
        "sub-01/anat/sub-01_odd-x_T1w",
        "sub-01_T1w",
        *("a/T1", "b/T1", "a_T1", "a-T1", "aT1", "T1"),
    ]
    names = [path(one) for one in ids]
    assert len(set(names)) == len(ids)


def test_other_names_give_labels_that_hold_nobodys_name():
    for one in ("Smith_John/T1", "Smith_John_T1", "ward7/Smith/1_head", "SMITH"):
        name = path(one)
        assert not re.search("smith|john|ward", name, re.IGNORECASE)
        assert re.fullmatch(
            r"sub-[0-9a-f]{8}/anat/sub-[0-9a-f]{8}_acq-[0-9a-f]{8}_desc-asread_(T1w|mr)\.nii\.gz",
            name,
        )


def test_scans_of_one_folder_are_one_subject_where_their_names_say_what_they_are():
    subjects = [bids_name(f"x/anna/{name}", "mr").entities["sub"] for name in ("T1", "FLAIR")]
    assert subjects[0] == subjects[1]
    others = [bids_name(f"images/{name}", "mr").entities["sub"] for name in ("anna", "bert")]
    assert others[0] != others[1]


def test_an_image_and_its_labels_are_one_subject():
    image = bids_name("images/case_7", "mr").entities["sub"]
    assert bids_name("labels/case_7", "ot", is_label=True).entities["sub"] == image
    image = bids_name("anna", "ct").entities["sub"]
    assert bids_name("anna_seg", "ot", is_label=True).entities["sub"] == image


def test_a_number_names_nobody():
    assert path("patient07/T1").startswith("sub-patient07/anat/sub-patient07_acq-")


def test_a_study_and_a_salt_decide_the_subject():
    first = bids_name("a/1_x", "ct", study="1.2.3").entities["sub"]
    assert bids_name("b/2_y", "ct", study="1.2.3").entities["sub"] == first
    assert bids_name("a/1_x", "ct", study="1.2.3", salt="s").entities["sub"] != first


def test_suffixes_by_modality_and_name():
    suffixes = {
        ("x", "ct"): "ct",
        ("t2_x", "mr"): "T2w",
        ("x", "mr"): "mr",
        ("4_FLAIR", "mr"): "FLAIR",
        ("x", "pt"): "pet",
    }
    for (name, modality), suffix in suffixes.items():
        assert bids_name(name, modality).suffix == suffix
    assert bids_name("x", "ot", is_label=True).suffix == "dseg"


def test_masks_and_entities_stand_in_the_order_of_the_standard():
    name = bids_name("sub-01/anat/sub-01_T1w", "mr", base=BASE)
    made = name.path("estimated", ".nii.gz", "mask", res="straight")
    assert made.as_posix() == ("sub-01/anat/sub-01_acq-T1w_res-straight_desc-estimated_mask.nii.gz")


def test_masks_of_two_images_of_one_subject_do_not_meet():
    masks = {
        bids_name(f"sub-01/anat/sub-01_{end}", "mr", base=BASE).path("missing", ".nii.gz", "mask")
        for end in ("T1w", "T2w", "acq-hi_T1w", "acq-hi_T2w", "acq-T1w_T1w")
    }
    assert len(masks) == 5


def test_what_stands_at_the_top_is_the_same_for_all():
    files = dataset_files("1.2.3")
    description = json.loads(files["dataset_description.json"])
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Version"] == "1.2.3"
    assert "*_ct.*" in files[".bidsignore"].splitlines()
    assert "not for diagnosis" in files["README"]
    assert set(description["DatasetLinks"]) == {"source"}
    assert files == dataset_files("1.2.3")


def test_a_sidecar_names_its_sources_as_uris():
    document = sidecar(("a b/c.nii.gz",), "As read.", {"id": "x"}, SliceAxis=2)
    assert document["Sources"] == ["bids:source:a%20b/c.nii.gz"]
    assert document["medgan"] == {"id": "x"}
    assert mask_sidecar("sub-1/x.nii.gz", "y")["Sources"] == ["bids::sub-1/x.nii.gz"]


def test_only_figures_are_carried_over():
    source = {"SkullStripped": True, "EchoTime": 0.1, "InstitutionName": "x", "FlipAngle": "nine"}
    assert carried_over(source) == {"SkullStripped": True, "EchoTime": 0.1}
    assert carried_over([1]) == {}


def test_series_of_one_study_are_one_person(tmp_path):
    save(make_series(), tmp_path / "a")
    save(make_series(number=5, uid="2.25.77"), tmp_path / "b")
    first, second = (study_of(load(tmp_path / name)[0]) for name in "ab")
    assert first == second == "2.25.1"
    assert study_of(virtual_scan()) == ""
