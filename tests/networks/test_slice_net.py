"""The inpainter before training is the symmetric morph, whatever the plane; and it can learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.slice_inputs import slice_arrays
from medgan.interpolation import Stack, classical_fillers
from medgan.networks.slice_net import SliceInputs, SliceNet, warp
from medgan.restoration.batch import stack_inputs


def moving_stack(shape: tuple[int, int] = (45, 52)) -> Stack:
    """A blob that moves by two pixels a slice; positions unevenly spaced."""
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    planes = [
        0.2 + 0.6 * np.exp(-(((x - 15 - 2 * k) / 7) ** 2) - ((y - 20 - k) / 9) ** 2)
        for k in range(9)
    ]
    present = np.ones(9, bool)
    present[4:6] = False
    positions = np.array([0, 1, 2, 3, 4.2, 5, 6, 7, 8.0])
    return Stack(np.stack(planes).astype(np.float32), present, positions, 1.0)


@pytest.mark.parametrize("shape", [(40, 48), (45, 53), (33, 64)])
def test_untrained_network_is_the_symmetric_morph(shape: tuple[int, int]) -> None:
    stack = moving_stack(shape)
    flow = next(f for f in classical_fillers() if f.name == "symmetric_flow")
    inputs = stack_inputs([slice_arrays(stack, target) for target in (4, 5)])
    with torch.no_grad():
        filled = SliceNet()(inputs).numpy()[:, 0]
    # OpenCV samples at 1/32 of a pixel, the network exactly.
    assert np.abs(filled - flow.fill(stack, [4, 5])).max() < 0.02


def test_every_parameter_gets_a_finite_gradient() -> None:
    torch.manual_seed(0)
    network = SliceNet(widths=(8, 8, 8))
    torch.nn.init.normal_(network.last.weight, std=0.05)
    inputs = stack_inputs([slice_arrays(moving_stack(), 4)])
    network(inputs).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_a_batch_is_as_many_single_slices() -> None:
    torch.manual_seed(0)
    network = SliceNet(widths=(8, 8, 8)).eval()
    torch.nn.init.normal_(network.last.weight, std=0.05)
    arrays = [slice_arrays(moving_stack(), target) for target in (4, 5)]
    with torch.no_grad():
        together = network(stack_inputs(arrays))
        apart = torch.cat([network(stack_inputs([a])) for a in arrays])
    assert torch.allclose(together, apart, atol=1e-5)


def test_kernels_reproduce_cubics_in_position() -> None:
    stack = moving_stack()
    cubic = (0.1 + 0.05 * stack.positions_mm - 0.01 * stack.positions_mm**3 / 8).astype(np.float32)
    flat = Stack(
        np.broadcast_to(cubic[:, None, None], (9, 40, 40)).copy(),
        stack.present,
        stack.positions_mm,
        1.0,
    )
    arrays = slice_arrays(flat, 4)
    for kernel in arrays.kernels:
        value = float(kernel @ arrays.neighbours[:, 0, 0])
        assert value == pytest.approx(float(cubic[4]), abs=1e-5)


def test_warp_moves_by_whole_pixels() -> None:
    image = torch.rand(1, 1, 12, 16)
    displacement = torch.zeros(1, 2, 12, 16)
    displacement[:, 0] = 3
    displacement[:, 1] = -2
    moved = warp(image, displacement)
    assert torch.allclose(moved[..., 2:, :-3], image[..., :-2, 3:], atol=1e-5)


def test_fields_of_inputs_move_together() -> None:
    inputs = stack_inputs([slice_arrays(moving_stack(), 4)])
    assert isinstance(inputs.to("cpu"), SliceInputs)
