"""The dataset makes, byte for byte, what is written to files: in any order and in any worker."""

from __future__ import annotations

import warnings

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data.dataloader import DataLoader
from monai.data.meta_tensor import MetaTensor
from monai.transforms.compose import Compose
from monai.transforms.intensity.dictionary import ScaleIntensityd
from torch.utils.data import DataLoader as TorchLoader

from medgan.errors import ModelError
from medgan.models import Model, save_model
from medgan.synthesis import SyntheticDataset, export_case, synthesize


def test_items_are_the_cases_that_synthesize_writes(make_model, tmp_path):
    model = make_model()
    dataset = SyntheticDataset(model, 4, seed=3)
    assert len(dataset) == 4
    for index, case in reversed(list(enumerate(synthesize(model, 4, seed=3)))):
        export_case(case, tmp_path, ["nifti"], model.info)
        item = dataset[index]
        image = nib.load(tmp_path / f"{case.id}.nii.gz")
        label = nib.load(tmp_path / f"{case.id}_label.nii.gz")
        assert item["id"] == case.id
        assert isinstance(item["image"], MetaTensor)
        assert item["image"].dtype == torch.float32
        assert item["label"].dtype == torch.uint8
        written = image.get_fdata(dtype=np.float32)
        assert item["image"][0].numpy().tobytes() == written.tobytes()
        np.testing.assert_array_equal(item["label"][0].numpy(), np.asarray(label.dataobj))
        for key in ("image", "label"):
            np.testing.assert_allclose(item[key].affine.numpy(), image.affine, atol=1e-6)


def test_from_a_folder_with_workers(make_model, tmp_path):
    model = make_model()
    save_model(tmp_path, model.network, model.info, "card")
    dataset = SyntheticDataset(tmp_path, 5, seed=1)
    expected = [dataset[i] for i in range(5)]
    for Loader in (DataLoader, TorchLoader):
        batches = list(Loader(dataset, batch_size=2, num_workers=2))
        images = torch.cat([torch.as_tensor(np.asarray(b["image"])) for b in batches])
        labels = torch.cat([torch.as_tensor(np.asarray(b["label"])) for b in batches])
        assert images.shape[:2] == (5, 1)
        assert [name for b in batches for name in b["id"]] == [item["id"] for item in expected]
        for image, label, item in zip(images, labels, expected, strict=True):
            assert image.numpy().tobytes() == item["image"].numpy().tobytes()
            assert label.numpy().tobytes() == item["label"].numpy().tobytes()


def test_first_index_transform_and_ends(make_model):
    model = make_model()
    scale = Compose([ScaleIntensityd(["image"])])
    later = SyntheticDataset(model, 2, seed=3, first=2, transform=scale)
    assert later[0]["id"] == "case_0003"
    assert float(later[0]["image"].max()) == pytest.approx(1)
    assert later[-1]["id"] == later[1]["id"] == "case_0004"
    with pytest.raises(IndexError):
        later[2]
    assert len(list(later)) == 2  # iteration ends


def test_a_model_without_labels_gives_none(make_model):
    item = SyntheticDataset(make_model(label_values=(), label_names={}), 1)[0]
    assert set(item) == {"id", "image"}


def test_what_a_model_has_to_say_is_said_once(make_model):
    model = make_model()
    noticed = Model(model.info.model_copy(update={"notice": "It stores scans."}), model.network)
    with pytest.warns(UserWarning, match="It stores scans"):
        dataset = SyntheticDataset(noticed, 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset[0]


def test_what_makes_no_scans_is_refused(make_model):
    model = make_model()
    restorer = Model(model.info.model_copy(update={"kind": "restorer"}), model.network)
    with pytest.raises(ModelError, match="cannot make virtual scans"):
        SyntheticDataset(restorer, 1)
    with pytest.raises(ValueError, match="at least 1"):
        SyntheticDataset(model, 0)
