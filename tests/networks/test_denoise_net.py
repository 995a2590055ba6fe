"""The denoiser before training is the identity; it is homogeneous, and it can learn."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.denoise_net import N_SLICES, DenoiseNet

SMALL = (8, 12, 16)


def trained_a_little() -> DenoiseNet:
    """A network whose last layer is no longer zero."""
    torch.manual_seed(0)
    network = DenoiseNet(SMALL)
    torch.nn.init.normal_(network.last.weight, std=0.1)
    return network.eval()


@pytest.mark.parametrize("shape", [(40, 48), (35, 53), (3, 64)])
def test_untrained_network_returns_the_middle_slice(shape: tuple[int, int]) -> None:
    slices = torch.rand(2, N_SLICES, *shape)
    assert torch.equal(DenoiseNet(SMALL)(slices), slices[:, 2:3])


@pytest.mark.parametrize("gain", [0.25, 3.0])
def test_a_brighter_image_is_denoised_alike(gain: float) -> None:
    network, slices = trained_a_little(), torch.rand(1, N_SLICES, 24, 32)
    with torch.no_grad():
        brighter, denoised = network(gain * slices), network(slices)
    torch.testing.assert_close(brighter, gain * denoised, rtol=1e-4, atol=1e-5)


def test_every_parameter_gets_a_finite_gradient() -> None:
    network = trained_a_little()
    network(torch.rand(2, N_SLICES, 17, 23)).square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name


def test_the_shipped_size_is_small() -> None:
    assert sum(p.numel() for p in DenoiseNet().parameters()) < 1_000_000
