"""Training scans: complete, of the right part of the split, normalised, cut where they may be."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.data.volumes import training_volumes
from medgan.errors import DataError
from medgan.scans import discover, load, write_mask, write_nifti


def write(path: Path, values: np.ndarray, spacing: tuple[float, float, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(values, np.diag([*spacing, 1.0]))
    image.set_sform(image.affine, 1)
    nib.save(image, path)


def noise(shape: tuple[int, int, int], seed: int = 0) -> np.ndarray:
    return (1000 * np.random.default_rng(seed).random(shape)).astype(np.int16)


def test_only_complete_images_are_used_and_axes_follow_the_voxels(tmp_path: Path) -> None:
    write(tmp_path / "a" / "cube.nii.gz", noise((12, 13, 14)), (1, 1, 1))
    write(tmp_path / "a" / "thick.nii.gz", noise((12, 13, 8), 1), (1, 1, 5))
    write(tmp_path / "b" / "short.nii.gz", noise((12, 13, 3), 2), (1, 1, 5))
    holed = noise((12, 13, 8), 3)
    holed[:, :, 4] = 0
    write(tmp_path / "b" / "holed.nii.gz", holed, (1, 1, 5))
    found = training_volumes(tmp_path)
    assert {v.values.shape: v.axes for v in found.volumes} == {
        (12, 13, 14): (0, 1, 2),
        (12, 13, 8): (2,),
    }
    assert {v.group for v in found.volumes} == {"a"}
    assert {k.split("/")[-1]: v for k, v in found.left_out.items()} == {
        "short": "fewer than 5 slices",
        "holed": "slices are missing",
    }
    for volume in found.volumes:
        assert np.percentile(volume.values, [0.5, 99.5]) == pytest.approx([0, 1], abs=1e-5)


def test_normalised_volumes_are_kept_and_found_by_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    write(tmp_path / "in" / "a.nii.gz", noise((12, 13, 14)), (1, 1, 1))
    (made,) = training_volumes(tmp_path / "in").volumes
    (kept,) = training_volumes(tmp_path / "in", cache=cache).volumes
    assert np.array_equal(kept.values, made.values)
    assert len(list(cache.iterdir())) == 1

    (tmp_path / "in" / "a.nii.gz").rename(tmp_path / "in" / "renamed.nii.gz")
    with monkeypatch.context() as changed:
        changed.setattr("medgan.data.volumes._normalised", None)  # not needed any more
        (found,) = training_volumes(tmp_path / "in", cache=cache).volumes
    assert np.array_equal(found.values, made.values)

    write(tmp_path / "in" / "renamed.nii.gz", noise((12, 13, 14), 1), (1, 1, 1))
    (other,) = training_volumes(tmp_path / "in", cache=cache).volumes
    assert not np.array_equal(other.values, made.values)


def test_nothing_to_train_on_is_said(tmp_path: Path) -> None:
    write(tmp_path / "short.nii.gz", noise((12, 13, 3)), (1, 1, 5))
    with pytest.raises(DataError, match="no complete CT or MR scan"):
        training_volumes(tmp_path)


def test_the_split_keeps_test_scans_out(data_dir: Path) -> None:
    found = training_volumes(data_dir / "brain_ms_mni")
    assert len(found.volumes) == 3
    assert {k.split("/")[0] for k in found.left_out} == {"patient19"}
    ct = training_volumes(data_dir / "ct_abdomen_dicom").volumes[0]
    assert ct.values.shape[2] == 20  # instances 81 to 100; the other half is never trained on


def test_voxels_that_are_no_numbers_do_not_spoil_the_scale(tmp_path: Path) -> None:
    values = noise((12, 13, 14)).astype(np.float32)
    whole = np.percentile(values[3:], [0.5, 99.5])
    values[:3] = np.nan
    write(tmp_path / "masked.nii.gz", values, (1, 1, 1))
    (volume,) = training_volumes(tmp_path).volumes
    assert (volume.values[:3] == 0).all()
    expected = (values[3:] - whole[0]) / (whole[1] - whole[0])
    np.testing.assert_allclose(volume.values[3:], expected, atol=1e-5)


def test_slices_that_were_made_are_not_learnt_from(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    write(folder / "measured.nii.gz", noise((12, 13, 8)), (1, 1, 5))
    holed = noise((12, 13, 8), 1)
    holed[:, :, 4] = 0
    write(tmp_path / "source" / "holed.nii.gz", holed, (1, 1, 5))
    (scan,) = load(tmp_path / "source")
    made = noise((12, 13, 1), 2).astype(np.float64)
    restored = scan.with_slices([4], np.moveaxis(made, 2, 0))
    write_nifti(restored, folder / "restored.nii.gz")
    write_mask(restored, folder / "restored_mask.nii.gz")
    found = training_volumes(folder)
    assert len(found.volumes) == 1
    assert found.left_out["restored"] == "some of its slices were made by a program"


def test_a_scan_that_cannot_be_read_any_more_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(2):
        write(tmp_path / f"{n}.nii.gz", noise((12, 13, 8), n), (1, 1, 5))
    listing = discover(tmp_path)
    monkeypatch.setattr("medgan.data.volumes.discover", lambda folder: listing)
    second = tmp_path / "1.nii.gz"
    second.write_bytes(second.read_bytes()[:-40])
    found = training_volumes(tmp_path)
    assert len(found.volumes) == 1
    assert list(found.left_out) == ["1"]
