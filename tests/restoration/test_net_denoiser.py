"""A network averaged over equal views: it commutes with them, and small chunks change nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from medgan.errors import ModelError
from medgan.models import Model, ModelInfo
from medgan.networks.denoise_net import DenoiseNet
from medgan.restoration import net_denoiser
from medgan.restoration.net_denoiser import ACROSS, NetDenoiser, affordable_views

SIGMA = 0.08
CUBE = (9, 13, 18)


def model(kind="denoiser", std=0.05):
    torch.manual_seed(0)
    network = DenoiseNet((8, 8, 8))
    torch.nn.init.normal_(network.last.weight, std=std)
    info = ModelInfo(name="tiny", kind=kind, architecture="denoise_net", settings={})
    return Model(info, network.eval().requires_grad_(False))


def planes(shape=CUBE):
    return np.random.default_rng(0).random(shape, dtype=np.float32)


@pytest.mark.parametrize("shape", [(6, 21, 30), (1, 16, 24)])
@pytest.mark.parametrize("axes", [(0,), ACROSS])
def test_a_network_that_sees_no_noise_changes_nothing(shape, axes):
    one = NetDenoiser(model(std=0.0), axes=axes)
    np.testing.assert_allclose(one(planes(shape), SIGMA), planes(shape), atol=1e-6)


@pytest.mark.parametrize("axes", [(0,), ACROSS])
@pytest.mark.parametrize("flipped", [0, 1, 2, (0, 1, 2)])
def test_a_flipped_scan_is_denoised_to_the_flipped_denoised_scan(axes, flipped):
    one = NetDenoiser(model(), n_views=8, axes=axes)
    made = one(planes(), SIGMA)
    turned = np.flip(one(np.flip(planes(), flipped).copy(), SIGMA), flipped)
    assert np.abs(made - planes()).max() > 0.01
    np.testing.assert_allclose(turned, made, atol=2e-6)


def test_one_view_does_not_commute_with_a_flip():
    one = NetDenoiser(model(), n_views=1)
    turned = np.flip(one(np.flip(planes(), 2).copy(), SIGMA), 2)
    assert np.abs(turned - one(planes(), SIGMA)).max() > 0.01


def test_sixteen_views_along_three_axes_commute_with_a_transposition():
    one = NetDenoiser(model(), n_views=16, axes=(0, 1, 2))
    made = one(planes(), SIGMA)
    for order in ((0, 2, 1), (2, 1, 0), (1, 0, 2)):
        turned = one(np.ascontiguousarray(planes().transpose(order)), SIGMA)
        np.testing.assert_allclose(turned.transpose(order), made, atol=2e-6)


@pytest.mark.parametrize("n_views", [2, 4, 8, 16])
def test_what_is_averaged_over_is_a_group(n_views):
    """Seen twice, by any two of the views, is seen once by one of them."""
    stack = torch.rand(1, 5, 4, 4)
    seen = [net_denoiser._seen(stack, v) for v in net_denoiser._VIEWS[:n_views]]
    for first in seen:
        for number in net_denoiser._VIEWS[:n_views]:
            twice = net_denoiser._seen(first, number)
            assert sum(torch.equal(twice, one) for one in seen) == 1


def test_across_is_what_a_network_says_of_the_turned_scan():
    network = model()
    along = NetDenoiser(network, n_views=8)
    turned = [np.moveaxis(along(np.moveaxis(planes(), a, 0), SIGMA), 0, a) for a in ACROSS]
    across = NetDenoiser(network, n_views=8, axes=ACROSS)
    np.testing.assert_allclose(across(planes(), SIGMA), np.mean(turned, axis=0), atol=1e-6)
    assert (along.name, across.name) == ("tiny", "tiny-across")


def test_chunks_do_not_show(monkeypatch):
    one = NetDenoiser(model())
    whole = one(planes(), SIGMA)
    monkeypatch.setattr(net_denoiser, "CHUNK_PIXELS", 2 * planes()[0].size)
    np.testing.assert_allclose(one(planes(), SIGMA), whole, atol=1e-5)


def test_a_network_looks_across_where_voxels_are_near_cubes():
    across = NetDenoiser(model(), axes=ACROSS)
    assert across.suits((30, 40, 40), (1.4, 1.0, 1.0))
    assert not across.suits((30, 40, 40), (3.0, 1.0, 1.0))
    assert not across.suits((3, 40, 40), (1.0, 1.0, 1.0))
    assert not across.suits((30, 40, 40), None)
    assert NetDenoiser(model()).suits((3, 40, 40), None)


def test_the_larger_a_scan_the_fewer_views_unless_somebody_says_how_many():
    views = [affordable_views(n) for n in (35 * 50 * 36, 128**3, 256**3)]
    assert views == sorted(views, reverse=True)
    assert views[-1] == 1
    one = NetDenoiser(model())
    assert one.for_size(256**3).n_views == 1
    assert replace(one, n_views=4).for_size(256**3).n_views == 4


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ModelError, match="cannot take away noise"):
        NetDenoiser(model("restorer"))
