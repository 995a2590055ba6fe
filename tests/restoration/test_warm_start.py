"""A run that goes on from a model: its weights are those, or the run does not begin."""

from __future__ import annotations

import pytest
import torch

from medgan.errors import ModelError
from medgan.models import ModelInfo, save_model
from medgan.networks.denoise_net import DenoiseNet
from medgan.restoration.warm_start import start_from


@pytest.fixture
def folder(tmp_path):
    torch.manual_seed(0)
    network = DenoiseNet((8, 8, 16))
    torch.nn.init.normal_(network.last.weight)
    settings = {"widths": [8, 8, 16]}
    info = ModelInfo(name="tiny", kind="denoiser", architecture="denoise_net", settings=settings)
    save_model(tmp_path / "model", network, info, "card")
    return tmp_path / "model", network


def test_the_weights_are_those_of_the_model(folder):
    path, saved = folder
    network = DenoiseNet((8, 8, 16))
    start_from(str(path), network)
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, saved.state_dict()[name])
        assert weight.requires_grad == saved.state_dict()[name].requires_grad


def test_a_model_of_another_shape_is_refused_in_one_line(folder):
    path, _ = folder
    with pytest.raises(ModelError, match="not the one of the recipe") as caught:
        start_from(str(path), DenoiseNet((8, 8, 8)))
    assert caught.value.where == "tiny"
    assert "warm_start" in caught.value.hint
    assert "\n" not in caught.value.what


def test_a_model_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError):
        start_from(str(tmp_path / "none"), DenoiseNet((8, 8, 8)))
