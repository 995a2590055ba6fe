"""Folders to sets; the figures themselves are tested with the evaluation room."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.assessment.image_cases import (
    Case,
    as_sets,
    flat_axis,
    on_one_spacing,
    only_scan,
    real_cases,
    slices_of,
    virtual_cases,
    with_modelled_labels,
)
from medgan.errors import DataError
from tests.cli.small_scans import values


def write_pair(folder: Path, name: str, affine: np.ndarray, seed: int = 1) -> np.ndarray:
    image = values((12, 10, 14), seed)
    for kind, array in (("images", image), ("labels", (image > 500).astype(np.uint8))):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(array, affine), folder / kind / f"{name}.nii.gz")
    return image


def test_cases_come_in_ras_order_whatever_their_axes(tmp_path: Path) -> None:
    image = write_pair(tmp_path, "a", np.diag([-2.0, -3.0, 4.0, 1.0]))
    (case,) = real_cases(tmp_path)
    assert np.array_equal(case.image, image[::-1, ::-1])
    assert case.label is not None
    assert np.array_equal(case.label, (image > 500)[::-1, ::-1])
    assert case.spacing_mm == pytest.approx((2, 3, 4))


def test_a_manifest_says_which_files_are_virtual_cases(tmp_path: Path) -> None:
    write_pair(tmp_path / "x", "a", np.eye(4))
    image, label = tmp_path / "x" / "images" / "a.nii.gz", tmp_path / "x" / "labels" / "a.nii.gz"
    out = tmp_path / "out"
    (out / "imagesTr").mkdir(parents=True)
    (out / "labelsTr").mkdir()
    image.rename(out / "imagesTr" / "case_0001_0000.nii.gz")
    label.rename(out / "labelsTr" / "case_0001.nii.gz")
    (out / "manifest.csv").write_text(
        "id,image,label,synthetic\n"
        "case_0001,imagesTr/case_0001_0000.nii.gz,labelsTr/case_0001.nii.gz,1\n"
    )
    (case,) = virtual_cases(out)
    assert case.name == "case_0001"
    assert case.label is not None


def test_sets_share_one_grid_and_range(tmp_path: Path) -> None:
    for n in range(3):
        write_pair(tmp_path, f"p{n}", np.eye(4), seed=n)
    cases = real_cases(tmp_path)
    first, second = as_sets([cases[:2], cases[2:]])
    assert first.images.shape[1:] == second.images.shape[1:] == (16, 8, 16)
    assert first.images.min() == -1
    assert first.images.max() == 1
    assert first.names == ("p0", "p1")


def test_labels_are_compared_only_where_all_cases_have_them(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", np.eye(4))
    (case,) = real_cases(tmp_path)
    (images,) = as_sets([[case, replace(case, label=None)]])
    assert images.labels is None


def test_real_scans_are_brought_to_the_voxels_of_virtual_ones() -> None:
    ramp = np.broadcast_to(np.arange(16, dtype=np.float32)[:, None, None], (16, 8, 8)).copy()
    label = (ramp > 7.5).astype(int)
    real = Case("r", ramp, label, "x", (1.0, 1.0, 1.0))
    virtual = Case("v", np.zeros((8, 4, 4), np.float32), None, "y", (2.0, 2.0, 2.0))
    said: list[str] = []
    (case,) = on_one_spacing([real], [virtual], said.append)
    assert case.image.shape == (8, 4, 4)
    # Centres of double voxels: the mean of each pair.
    assert np.allclose(case.image[1:-1, 2, 2], np.arange(0.5, 16, 2)[1:-1], atol=1e-5)
    assert set(np.unique(case.label)) == {0, 1}
    assert "resampled from" in said[0]
    assert on_one_spacing([real], [real], said.append) == [real]


def test_one_scan_is_expected(tmp_path: Path) -> None:
    write_pair(tmp_path, "a", np.eye(4))
    with pytest.raises(DataError, match="expected one scan, found 2"):
        only_scan(tmp_path)


def test_labels_that_the_model_does_not_make_are_left_out() -> None:
    from medgan.models import ModelInfo

    label = np.array([0, 1, 2, 3]).reshape(1, 2, 2)
    case = Case("a", np.zeros((1, 2, 2), np.float32), label, "x", (1.0, 1.0, 1.0))
    info = ModelInfo(
        name="m",
        kind="synthesizer",
        architecture="dcgan",
        settings={},
        expects={"space": {"label_values": [2]}},
    )
    (kept,) = with_modelled_labels([case], info)
    assert kept.label is not None
    assert kept.label.ravel().tolist() == [0, 0, 2, 0]
    assert with_modelled_labels([case], None) == [case]


def test_slices_are_spread_over_a_share_of_the_stacks() -> None:
    ramp = np.broadcast_to(np.arange(100, dtype=np.float32), (4, 5, 100)).copy()
    cases = [Case(str(n), ramp, ramp.astype(int), "", (1.0, 1.0, 1.0)) for n in range(9)]
    taken = slices_of(cases, 2, (0.2, 0.8))
    assert flat_axis(taken) == 2
    assert flat_axis(cases) is None
    places = sorted(float(case.image[0, 0, 0]) for case in taken)
    assert 20 <= places[0] < places[-1] < 80
    assert min(np.diff(places)) >= 3
    assert all((case.image == case.label).all() for case in taken)
    (images,) = as_sets([taken])
    assert images.images.shape[0] == 9
    assert images.images.ndim == 3
