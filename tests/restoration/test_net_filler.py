"""The network as a filler: what it is before training, and the symmetries of its averaging."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from medgan.data.slice_inputs import slice_arrays
from medgan.errors import ModelError
from medgan.interpolation import Stack, classical_fillers
from medgan.models import Model, ModelInfo
from medgan.networks import build
from medgan.restoration.batch import stack_inputs
from medgan.restoration.net_filler import NetFiller, _flipped, _reversed, affordable_views
from tests.restoration.phantom import make_stack

PRESENT = [1, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1]
TARGETS = [4, 5, 8]


def model(trained=False, kind="restorer"):
    settings = {"widths": [8, 12, 16]}
    torch.manual_seed(0)
    network = build("slice_net", settings)
    if trained:
        torch.nn.init.normal_(network.last.weight, std=0.05)
    info = ModelInfo(name="tiny", kind=kind, architecture="slice_net", settings=settings)
    return Model(info, network.eval().requires_grad_(False))


@pytest.mark.parametrize("averaging", [1, 8])
def test_untrained_it_is_symmetric_flow(averaging):
    stack = make_stack(PRESENT)
    flow = next(f for f in classical_fillers() if f.name == "symmetric_flow")
    filled = NetFiller(model(), averaging).fill(stack, TARGETS)
    assert filled.shape == (3, 40, 44)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled, flow.fill(stack, TARGETS), atol=0.02)


def test_missing_planes_are_never_looked_at():
    stack = make_stack(PRESENT)
    planes = stack.planes.copy()
    planes[~stack.present] = np.nan
    blind = Stack(planes, stack.present, stack.positions_mm, 1.0)
    filler = NetFiller(model(trained=True), 1)
    np.testing.assert_array_equal(filler.fill(blind, TARGETS), filler.fill(stack, TARGETS))


def test_chunks_do_not_change_the_answer():
    stack, filler = make_stack(PRESENT), NetFiller(model(trained=True), 2)
    whole = filler.fill(stack, TARGETS)
    in_pieces = replace(filler, chunk_pixels=1)
    np.testing.assert_allclose(in_pieces.fill(stack, TARGETS), whole, atol=1e-5)


@pytest.mark.parametrize("axes", [[3], [2], [2, 3]])
def test_averaged_over_all_views_a_mirrored_scan_is_filled_mirrored(axes):
    filler = NetFiller(model(trained=True), 8)
    inputs = stack_inputs([slice_arrays(make_stack(PRESENT), target) for target in TARGETS])
    plain = filler._average(inputs, 8)
    mirrored = filler._average(_flipped(inputs, axes), 8)
    np.testing.assert_allclose(np.flip(mirrored, [a - 1 for a in axes]), plain, atol=1e-4)
    assert np.abs(filler._average(inputs, 1) - plain).max() > 1e-3  # the views do differ


def test_averaged_over_all_views_a_reversed_stack_is_filled_alike():
    filler = NetFiller(model(trained=True), 8)
    inputs = stack_inputs([slice_arrays(make_stack(PRESENT), target) for target in TARGETS])
    np.testing.assert_allclose(
        filler._average(_reversed(inputs), 8), filler._average(inputs, 8), atol=1e-4
    )


def test_reversing_inputs_is_describing_the_reversed_stack():
    stack = make_stack(PRESENT)
    reverse = Stack(
        stack.planes[::-1].copy(),
        stack.present[::-1].copy(),
        -stack.positions_mm[::-1].copy(),
        1.0,
    )
    last = len(PRESENT) - 1
    here = _reversed(stack_inputs([slice_arrays(stack, target) for target in TARGETS]))
    there = stack_inputs([slice_arrays(reverse, last - target) for target in TARGETS])
    for name, a, b in zip(here._fields, here, there, strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-5, msg=name)


def test_large_planes_are_averaged_less():
    assert affordable_views(50 * 40) == 8
    assert affordable_views(256 * 256) == 2
    assert affordable_views(512 * 512) == 1


def test_a_model_of_another_kind_is_refused():
    with pytest.raises(ModelError, match="cannot fill slices"):
        NetFiller(model(kind="synthesizer"))
