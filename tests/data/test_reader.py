"""The MONAI reader gives the values and the place that the scans room gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.data import CacheDataset, PersistentDataset
from monai.transforms import Compose, LoadImaged, Orientationd

from medgan.data.reader import ScanReader
from medgan.errors import DataError, ReadError
from tests.scans.series import make_series, save, without, world_value
from tests.scans.volumes import STRAIGHT, world_volume, write


def load(path: Path, **options: float) -> torch.Tensor:
    read = LoadImaged("image", reader=ScanReader(**options), ensure_channel_first=True)
    return read({"image": str(path)})["image"]


def world_error(image: torch.Tensor) -> float:
    """Largest difference from the world at the places the affine gives."""
    index = np.stack(np.meshgrid(*map(np.arange, image.shape[1:]), indexing="ij"), axis=-1)
    affine = image.affine.numpy()
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    return float(np.nanmax(np.abs(image[0].numpy() - world_value(ras * [-1.0, -1.0, 1.0]))))


def test_a_dicom_folder_with_a_gap(tmp_path: Path) -> None:
    save(without(make_series(), 5), tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    image = load(tmp_path)
    assert image.shape == (1, 14, 10, 12)
    assert world_error(image) <= 0.51
    assert torch.isnan(image[0, :, :, 5]).all()
    assert image.meta["present"].tolist() == [n != 5 for n in range(12)]
    assert (load(tmp_path, missing=-1024.0)[0, :, :, 5] == -1024).all()


def test_reorientation_keeps_the_place(tmp_path: Path) -> None:
    save(make_series(), tmp_path)
    read = Compose(
        [
            LoadImaged("image", reader=ScanReader(), ensure_channel_first=True),
            Orientationd("image", axcodes="RAS", labels=None),
        ]
    )
    image = read({"image": str(tmp_path)})["image"]
    assert np.diag(image.affine.numpy())[:3].min() > 0
    assert world_error(image) <= 0.51


def test_one_scan_of_many_by_its_id(tmp_path: Path) -> None:
    save(make_series(number=1), tmp_path / "a")
    save(make_series(number=2, n=7), tmp_path / "a")
    with pytest.raises(DataError) as caught:
        ScanReader().read(tmp_path)
    assert "2 scans" in caught.value.what
    image = load(tmp_path / "a" / "2_test_stack")
    assert image.shape == (1, 14, 10, 7)
    with pytest.raises(ReadError, match="not listed"):
        ScanReader().read(tmp_path / "a" / "3_test_stack")


def test_nifti_in_four_dimensions_and_a_label_alone(tmp_path: Path) -> None:
    stored = np.rint(world_volume(STRAIGHT)).astype("i2")
    write(tmp_path / "t.nii.gz", np.stack([stored, stored + 1], axis=-1), STRAIGHT)
    assert load(tmp_path / "t.nii.gz").shape == (2, 16, 14, 12)
    write(tmp_path / "x_mask.nii.gz", (stored > 100).astype("u1"), STRAIGHT)
    assert load(tmp_path / "x_mask.nii.gz").unique().tolist() == [0, 1]


def test_nothing_there(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(ReadError, match="no scan"):
        ScanReader().read(tmp_path / "notes.txt")


def test_caching_data_sets(tmp_path: Path) -> None:
    save(make_series(), tmp_path / "in")
    data = [{"image": str(tmp_path / "in")}]
    read = LoadImaged("image", reader=ScanReader(), ensure_channel_first=True)
    cached = CacheDataset(data, read, progress=False)[0]["image"]
    kept = PersistentDataset(data, read, cache_dir=tmp_path / "cache")
    assert torch.equal(cached, kept[0]["image"])
    assert torch.equal(cached, kept[0]["image"])
