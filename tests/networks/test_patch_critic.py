"""The patch critic: a map of logits, each from what lies around its place."""

from __future__ import annotations

import pytest
import torch

from medgan.networks import build


@pytest.mark.parametrize("shape", [(12, 16), (8, 12, 16)])
def test_shapes_and_gradients(shape: tuple[int, ...]) -> None:
    critic = build("patch_critic", {"spatial_dims": len(shape), "in_channels": 3, "width": 4})
    logits = critic(torch.randn(2, 3, *shape))
    assert logits.shape == (2, 1, *(side // 2 for side in shape))
    logits.square().mean().backward()
    for name, parameter in critic.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_a_logit_sees_fourteen_places_along_each_axis() -> None:
    critic = build("patch_critic", {"spatial_dims": 2, "in_channels": 1, "width": 4})
    seen = torch.zeros(1, 1, 32, 32, requires_grad=True)
    critic(seen)[0, 0, 8, 8].backward()
    assert seen.grad is not None
    rows = seen.grad[0, 0].abs().sum(dim=1).nonzero().flatten()
    assert int(rows[-1] - rows[0]) + 1 == 14
