"""The critic scores patches, is Lipschitz by spectral norm, and can be trained."""

from __future__ import annotations

import torch

from medgan.networks.slice_critic import SliceCritic


def test_logits_are_patches_of_half_the_size() -> None:
    assert SliceCritic(in_channels=3, width=8)(torch.rand(2, 3, 24, 32)).shape == (2, 1, 12, 16)


def test_every_parameter_gets_a_finite_gradient() -> None:
    critic = SliceCritic(in_channels=3, width=8)
    critic(torch.rand(2, 3, 16, 16)).square().mean().backward()
    for name, parameter in critic.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
