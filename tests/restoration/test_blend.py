"""Weights between two networks: the ends are the networks, the middle their mean."""

import hashlib
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from medgan.errors import ModelError
from medgan.interpolation import classical_fillers
from medgan.models import Model, ModelInfo, load_model, save_model
from medgan.networks import build
from medgan.restoration import RestoreSettings, load_fillers
from medgan.restoration.blend import blend
from medgan.restoration.used_model import model_of


def model(name, seed, widths=(8, 12, 16), licence="CC0-1.0"):
    settings = {"widths": list(widths)}
    torch.manual_seed(seed)
    network = build("slice_net", settings)
    info = ModelInfo(
        name=name,
        kind="restorer",
        architecture="slice_net",
        settings=settings,
        licence=licence,
        weights_sha256=f"{seed:064d}",
    )
    return Model(info, network.eval().requires_grad_(False))


FAITHFUL, NATURAL = model("faithful", 1), model("natural", 2)


def test_at_the_ends_are_the_two_networks():
    assert blend(FAITHFUL, NATURAL, 0) is FAITHFUL
    at_one = blend(FAITHFUL, NATURAL, 1).network.state_dict()
    for name, tensor in NATURAL.network.state_dict().items():
        torch.testing.assert_close(at_one[name], tensor, atol=0, rtol=0)


@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_between_lies_the_weighted_mean_of_every_weight(share):
    a, b = FAITHFUL.network.state_dict(), NATURAL.network.state_dict()
    for name, tensor in blend(FAITHFUL, NATURAL, share).network.state_dict().items():
        torch.testing.assert_close(tensor, (1 - share) * a[name] + share * b[name])


def test_neither_network_is_changed():
    before = {k: v.clone() for k, v in FAITHFUL.network.state_dict().items()}
    blend(FAITHFUL, NATURAL, 0.5)
    for name, tensor in FAITHFUL.network.state_dict().items():
        torch.testing.assert_close(tensor, before[name], atol=0, rtol=0)


def test_the_record_tells_both_networks_and_the_share():
    other = model("natural", 2, licence="CC-BY-4.0")
    info = blend(FAITHFUL, other, 0.5).info
    assert info.name == "faithful-texture-0.5"
    assert info.licence == "CC0-1.0 AND CC-BY-4.0"
    assert info.training["blend"] == {
        "texture": "0.5",
        "faithful": "faithful",
        "faithful_sha256": f"{1:064d}",
        "natural": "natural",
        "natural_sha256": f"{2:064d}",
    }


def test_the_hash_is_that_of_a_model_folder_with_these_weights(tmp_path):
    mixed = blend(FAITHFUL, NATURAL, 0.5)
    saved = save_model(tmp_path, mixed.network, mixed.info, "card")
    assert saved.weights_sha256 == mixed.info.weights_sha256
    data = (tmp_path / "weights.safetensors").read_bytes()
    assert hashlib.sha256(data).hexdigest() == mixed.info.weights_sha256
    assert set(load_file(tmp_path / "weights.safetensors")) == set(mixed.network.state_dict())


def test_networks_of_other_settings_are_refused():
    wider = model("wide", 3, widths=(8, 16, 16))
    with pytest.raises(ModelError, match="cannot be blended") as caught:
        blend(FAITHFUL, wider, 0.5)
    assert caught.value.where == "wide"
    assert "--texture" in caught.value.hint


def test_a_setting_blends_and_the_record_holds_text_only():
    chosen = load_fillers(RestoreSettings(texture=0.5))
    told = model_of(chosen, [np.ones(len(chosen))])
    assert [f.name for f in chosen[:-1]] == [f.name for f in classical_fillers()]
    assert told["name"] == "slices-faithful-texture-0.5"
    assert told["natural_sha256"] == load_model("slices-natural").info.weights_sha256
    assert all(isinstance(value, str) for value in told.values())
    json.dumps(told)
