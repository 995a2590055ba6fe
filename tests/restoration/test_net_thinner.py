"""The network for thick slices in use: its start before training, true to the data, symmetric."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medgan.errors import ModelError
from medgan.interpolation import Stack, classical_fillers
from medgan.interpolation.slabs import Slabs, estimate
from medgan.models import Model, ModelInfo
from medgan.networks import build
from medgan.restoration.net_thinner import NetThinner, load_thinner


def model(trained=False, kind="thinner"):
    settings = {"widths": [8, 12, 16], "factors": [2, 3, 4]}
    torch.manual_seed(0)
    network = build("slab_net", settings)
    if trained:
        for last in network.last.values():
            torch.nn.init.normal_(last.weight, std=0.05)
    info = ModelInfo(name="tiny", kind=kind, architecture="slab_net", settings=settings)
    return Model(info, network.eval().requires_grad_(False))


def stack(factor, n=7, shape=(37, 43)):
    z, y, x = np.mgrid[0 : n * factor, 0 : shape[0], 0 : shape[1]].astype(np.float32)
    thin = 0.5 + 0.3 * np.sin(x / 5 + z / 4) * np.cos(y / 6 - z / (2 * factor))
    thick = Slabs.of(n, factor).averaged(thin.astype(np.float32))
    return Stack(thick, np.ones(n, bool), np.arange(n) * float(factor), 1.0)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_untrained_it_is_symmetric_flow_that_agrees(factor):
    thick, slabs = stack(factor), Slabs.of(7, factor)
    flow = next(f for f in classical_fillers() if f.name == "symmetric_flow")
    made = NetThinner(model(), 8).thin(thick, slabs)
    assert made.shape == (7 * factor, 37, 43)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, estimate(thick, slabs, flow), atol=1e-5)


@pytest.mark.parametrize("profile", [(), (1, 1, 2, 1, 1)])
def test_averaged_again_it_gives_the_data(profile):
    thick, slabs = stack(3), Slabs.of(7, 3, profile)
    thinner = NetThinner(model(trained=True), 2)
    made = thinner.thin(thick, slabs)
    start = NetThinner(model(), 1).thin(thick, slabs)
    assert np.abs(made - start).max() > 0.01
    assert np.abs(slabs.averaged(made) - thick.planes).max() < 1e-5


def test_chunks_do_not_change_the_answer():
    thick, slabs, thinner = stack(2), Slabs.of(7, 2), NetThinner(model(trained=True), 2)
    in_pieces = replace(thinner, chunk_pixels=1)
    np.testing.assert_allclose(in_pieces.thin(thick, slabs), thinner.thin(thick, slabs), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 3])
def test_averaged_over_all_views_a_reversed_stack_is_made_reversed(factor):
    """Flow from A to B and from B to A differ a little, so the start is given the same way."""
    thick, slabs, thinner = stack(factor), Slabs.of(7, factor), NetThinner(model(trained=True), 8)
    turned = replace(thick, planes=thick.planes[::-1].copy(), _flows={})
    np.testing.assert_allclose(
        thinner.thin(turned, slabs)[::-1], thinner.thin(thick, slabs), atol=5e-3
    )


def test_it_says_what_it_was_trained_for():
    thinner = NetThinner(model())
    assert thinner.fits(Slabs.of(6, 3))
    assert thinner.fits(Slabs.of(6, 3, (2, 2, 2)))
    assert not thinner.fits(Slabs.of(6, 3, (1, 2, 1)))
    assert not thinner.fits(Slabs.of(6, 2, (1, 1, 1, 1)))
    assert not thinner.fits(Slabs.of(6, 5))


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ModelError, match="cannot make thin slices"):
        NetThinner(model(kind="restorer"))
    with pytest.raises(ModelError, match="cannot make thin slices"):
        load_thinner("slices-faithful", None)
