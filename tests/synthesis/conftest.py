"""A tiny data set and an untrained model, enough to go all the way round."""

import nibabel as nib
import numpy as np
import pytest
import torch
from scipy import ndimage

from medgan.data.space import Space
from medgan.models import Model, ModelInfo
from medgan.networks import build
from medgan.synthesis.output import Output

LPS = np.diag([-1.5, -2.0, 3.0, 1.0])


def write_scans(folder, n=6, shape=(16, 20, 16), labelled=True):
    """Smooth random scans in LPS with two classes; written by nibabel."""
    for case in range(n):
        rng = np.random.default_rng(case)
        values = ndimage.gaussian_filter(rng.normal(size=shape), 2)
        values = (500 + 2000 * values).astype(np.int16)
        i, j, k = np.indices(shape)
        radius = np.sqrt((i - 8) ** 2 + (j - 10) ** 2 + (k - 8) ** 2)
        labels = np.where(radius < 4 + case % 3, np.where(j < 10, 2, 5), 0).astype(np.uint8)
        for kind, array in (("images", values), ("labels", labels)):
            if kind == "images" or labelled:
                (folder / kind).mkdir(parents=True, exist_ok=True)
                nib.save(nib.Nifti1Image(array, LPS), folder / kind / f"p{case}.nii.gz")
    return folder


def make_space(**changes):
    settings = {
        "spatial_dims": 3,
        "shape": (8, 12, 16),
        "spacing_mm": (1.5, 2.0, 3.0),
        "orientation": "LPS",
        "centre_mm": (10.0, -20.0, 30.0),
        "modality": "mr",
        "label_values": (2, 5),
        "label_names": {2: "anterior", 5: "posterior"},
    }
    return Space(**(settings | changes))


def make_output(**changes):
    """Output of a model; `space` changes are given by name."""
    space = make_space(**{k: changes.pop(k) for k in list(changes) if k in Space.model_fields})
    settings = {
        "space": space,
        "latent": 8,
        "intensity_range": (20.0, 900.0),
        "label_volumes": (50.0,) * len(space.label_values),
        "label_offsets": (0.0,) * len(space.label_values),
        "largest_part": True,
    }
    return Output(**(settings | changes))


def make_model(**changes):
    """An untrained generator with a model's description."""
    output = make_output(**changes)
    settings = {
        "spatial_dims": output.space.spatial_dims,
        "out_channels": output.space.n_channels,
        "shape": list(output.space.shape),
        "latent": 8,
        "base_channels": 16,
    }
    torch.manual_seed(0)
    network = build("dcgan_generator", settings)
    with torch.no_grad():
        network(torch.randn(8, 8))  # running statistics
        for parameter in network.parameters():
            parameter.mul_(3)  # an untrained one would be grey all over
    info = ModelInfo(
        name="tiny",
        kind="synthesizer",
        architecture="dcgan_generator",
        settings=settings,
        expects=output.model_dump(mode="json"),
        weights_sha256="a" * 64,
    )
    return Model(info, network.eval().requires_grad_(False))


@pytest.fixture(scope="session")
def scans_folder(tmp_path_factory):
    return write_scans(tmp_path_factory.mktemp("scans"))


@pytest.fixture(scope="session", name="make_space")
def _make_space():
    return make_space


@pytest.fixture(scope="session", name="make_output")
def _make_output():
    return make_output


@pytest.fixture(scope="session", name="make_model")
def _make_model():
    return make_model
