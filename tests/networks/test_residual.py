from __future__ import annotations

import pytest
import torch

from medgan.networks.residual import Residual, doubled


def test_without_biases_the_block_is_homogeneous() -> None:
    block, x = Residual(3, bias=False), torch.randn(2, 3, 6, 5)
    torch.testing.assert_close(block(2.5 * x), 2.5 * block(x))


@pytest.mark.parametrize("bias", [True, False])
def test_it_starts_near_the_identity(bias: bool) -> None:
    block, x = Residual(32, bias=bias), torch.randn(2, 32, 16, 16)
    assert (block(x) - x).std() < 0.6 * x.std()
    assert {name for name, _ in block.named_parameters() if "bias" in name} == (
        {"first.bias", "second.bias"} if bias else set()
    )


def test_doubling_repeats_pixels() -> None:
    once, twice = torch.tensor([[[[1.0, 2.0]]]]), torch.tensor([[[[1.0, 1, 2, 2], [1.0, 1, 2, 2]]]])
    assert torch.equal(doubled(once), twice)
