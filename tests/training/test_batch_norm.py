"""Over one process it is torch's own; over two, `test_processes.py` has it in its generator."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import distributed, nn

from medgan.training.batch_norm import normalise_together


@pytest.fixture
def _a_group_of_one(tmp_path: Path) -> Iterator[None]:
    store = distributed.FileStore(str(tmp_path / "store"), 1)
    distributed.init_process_group("gloo", store=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("_a_group_of_one")
@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.BatchNorm3d])
def test_output_gradients_and_running_averages_are_those_of_torch(norm: type[nn.Module]) -> None:
    own = nn.Sequential(norm(3))
    nn.init.normal_(own[0].weight)
    nn.init.normal_(own[0].bias)
    shared = nn.Sequential(norm(3))
    shared.load_state_dict(own.state_dict())
    normalise_together(shared)
    n_dims = 2 if norm is nn.BatchNorm2d else 3
    x = (5 + 2 * torch.randn(4, 3, *(6,) * n_dims)).requires_grad_()
    seen = x.detach().clone().requires_grad_()
    for training in (True, True, False):
        out, wanted = shared.train(training)(seen), own.train(training)(x)
        torch.testing.assert_close(out, wanted)
    wanted.square().mean().backward()
    out.square().mean().backward()
    (own.train()(x) ** 3).mean().backward()
    (shared.train()(seen) ** 3).mean().backward()
    torch.testing.assert_close(seen.grad, x.grad)
    for name, parameter in own.named_parameters():
        torch.testing.assert_close(shared.get_parameter(name).grad, parameter.grad)
    assert shared.state_dict().keys() == own.state_dict().keys()
    for name, value in own.state_dict().items():
        torch.testing.assert_close(shared.state_dict()[name], value)
