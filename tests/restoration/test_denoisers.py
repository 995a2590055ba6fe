"""Ways to take noise away: all nearer to the truth, none moved, slab by slab as in one go."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.errors import ModelError
from medgan.evaluation.fidelity import psnr
from medgan.models import Model, ModelInfo
from medgan.networks.denoise_net import DenoiseNet
from medgan.restoration import denoisers
from medgan.restoration.denoisers import NetDenoiser, classical_denoisers, in_slabs
from tests.restoration.phantom import make_stack

SIGMA = 0.08


def phantom(n=10):
    truth = np.asarray(make_stack([True] * n, (36, 40)).planes)
    noise = np.random.default_rng(0).standard_normal(truth.shape)
    return truth, (truth + SIGMA * noise).astype(np.float32)


def model(network, kind="denoiser"):
    info = ModelInfo(name="tiny", kind=kind, architecture="denoise_net", settings={})
    return Model(info, network.eval().requires_grad_(False))


@pytest.mark.parametrize("method", classical_denoisers()[1:], ids=lambda method: method.name)
def test_classical_methods_come_nearer_to_the_truth_and_do_not_move_it(method):
    truth, noisy = phantom()
    made = method(noisy, SIGMA)
    assert made.dtype == np.float32
    assert psnr(made, truth, 1.0) > psnr(noisy, truth, 1.0) + 3
    assert abs(float((made - noisy).mean())) < 0.01


def test_the_scan_as_it_is_is_the_first_candidate():
    _, noisy = phantom()
    first = classical_denoisers()[0]
    assert first.name == "input"
    assert np.array_equal(first(noisy, SIGMA), noisy)


@pytest.mark.parametrize("shape", [(6, 21, 30), (1, 16, 24)])
def test_an_untrained_network_changes_nothing(shape):
    planes = np.random.default_rng(0).random(shape, dtype=np.float32)
    made = NetDenoiser(model(DenoiseNet((8, 8, 8))))(planes, SIGMA)
    np.testing.assert_allclose(made, planes, atol=1e-6)


def test_the_answer_of_a_network_does_not_depend_on_which_end_is_first():
    torch.manual_seed(0)
    network = DenoiseNet((8, 8, 8))
    torch.nn.init.normal_(network.last.weight, std=0.05)
    filler = NetDenoiser(model(network))
    planes = np.random.default_rng(0).random((7, 16, 24), dtype=np.float32)
    made = filler(planes, SIGMA)
    for axes in (0, (1, 2)):
        turned = np.flip(filler(np.flip(planes, axes).copy(), SIGMA), axes)
        np.testing.assert_allclose(turned, made, atol=1e-4)


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ModelError, match="cannot take away noise"):
        NetDenoiser(model(DenoiseNet((8, 8, 8)), "restorer"))


def test_slab_by_slab_is_nearly_as_in_one_go(monkeypatch):
    _, noisy = phantom(40)
    method = denoisers.NonLocalMeans()
    whole = method(noisy, SIGMA)
    monkeypatch.setattr(denoisers, "SLAB_VOXELS", 12 * noisy[0].size)
    np.testing.assert_allclose(in_slabs(method, noisy, SIGMA), whole, atol=1e-3)
