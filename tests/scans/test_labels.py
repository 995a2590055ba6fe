"""Label maps are told by name, place and values; images are not mistaken for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from medgan.scans import discover
from medgan.scans.labels import has_label_values, is_named_label
from tests.scans.volumes import STRAIGHT, world_volume, write

BASE = Path("/data")


@pytest.mark.parametrize(
    "name",
    [
        "label.nii.gz",
        "labels.nrrd",
        "label_hippocampus.nii",
        "case1_mask.nii.gz",
        "case1_seg.nii.gz",
        "sub-01_dseg.nii.gz",
        "labelsTr/case_001.nii.gz",
        "a/labels/x.nii",
        "Case_MASK.nii.gz",
    ],
)
def test_named_or_placed_as_a_label(name: str) -> None:
    assert is_named_label(BASE / name, BASE)


@pytest.mark.parametrize(
    "name", ["imagesTr/case.nii.gz", "T1.nii", "masked_T1.nii.gz", "segment1_T1.nii.gz"]
)
def test_images_are_not(name: str) -> None:
    assert not is_named_label(BASE / name, BASE)


def test_folders_above_the_root_do_not_count_but_the_root_does() -> None:
    assert not is_named_label(Path("/labels/data/T1.nii"), Path("/labels/data"))
    assert is_named_label(Path("/data/labelsTr/T1.nii"), Path("/data/labelsTr"))


def test_values_of_labels() -> None:
    rng = np.random.default_rng(0)
    blocks = np.kron(rng.integers(0, 90, (5, 5, 5)), np.ones((6, 6, 6), dtype=int))
    assert has_label_values((rng.random((9, 9, 9)) > 0.5).astype(np.uint8))
    assert has_label_values(rng.integers(0, 4, (9, 9, 9)).astype(np.float32))
    assert has_label_values(blocks)


def test_values_of_images() -> None:
    rng = np.random.default_rng(0)
    assert not has_label_values(rng.integers(0, 256, (20, 20, 20)).astype(np.uint8))
    assert not has_label_values(rng.random((9, 9, 9)))
    assert not has_label_values(rng.choice([-1000, 0, 40, 300], (9, 9, 9)))
    assert not has_label_values(np.rint(world_volume(STRAIGHT)).astype(np.int16))


def test_a_label_map_is_listed_and_never_gapped(tmp_path: Path) -> None:
    labels = np.zeros((16, 14, 12), np.uint8)
    labels[4:9, 4:9, 2:4] = 1
    labels[4:9, 4:9, 8:10] = 2
    write(tmp_path / "organs.nii.gz", labels, STRAIGHT)
    listing = discover(tmp_path, modality="ct")
    (found,) = listing.scans
    assert (found.kind, found.modality, found.missing) == ("label", "ot", ())
    assert listing.images == ()
