"""Settings make a network of shapes alone, and cannot ask for more than there is room for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from medgan.models.design import design
from medgan.networks import ARCHITECTURES, build
from tests.models.hostile import DESIGNS


@pytest.mark.parametrize("kind", DESIGNS)
def test_it_has_the_shapes_of_the_network_and_no_memory(kind: str) -> None:
    empty, real = design(*DESIGNS[kind]).state_dict(), build(*DESIGNS[kind]).state_dict()
    assert {n: (t.shape, t.dtype) for n, t in empty.items()} == {
        n: (t.shape, t.dtype) for n, t in real.items()
    }
    assert {t.device.type for t in empty.values()} == {"meta"}


@pytest.mark.parametrize("kind", DESIGNS)
def test_all_a_network_holds_is_saved_with_it(kind: str) -> None:
    # Else a network filled from its file alone would be partly made of what was in memory.
    network = build(*DESIGNS[kind])
    held = {name for name, _ in (*network.named_parameters(), *network.named_buffers())}
    assert held == network.state_dict().keys()


@pytest.mark.parametrize(
    "settings",
    [{"widths": [10**9] * 3}, {"k": -50}, {"widths": 3}, {"widths": []}, {"nonsense": 1}],
)
def test_settings_that_do_not_fit_are_one_kind_of_fault(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\A[^\n]+\Z"):
        design("slice_net", settings)


def test_layers_without_end_are_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def deep(n: int) -> nn.Module:
        for _ in range(n):
            made.append(nn.ReLU())
            made.append(nn.Linear(1, 1))
        return nn.Sequential(*made)

    monkeypatch.setitem(ARCHITECTURES, "deep", deep)
    monkeypatch.setattr("medgan.models.design.MAX_PIECES", 200)
    with pytest.raises(ValueError, match="more than 200"):
        design("deep", {"n": 10**9})
    assert len(made) < 400
    nn.Sequential(*[nn.Linear(1, 1) for _ in range(3)])  # nothing is counted any more
    assert torch.zeros(1).device.type == "cpu"
