"""Weights fill a network exactly, or not at all."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import save

from medgan.models.design import design
from medgan.models.weights import fill, size_of
from medgan.networks import build
from tests.models.hostile import DESIGNS, assemble


@pytest.mark.parametrize("kind", DESIGNS)
def test_a_network_comes_back_bit_for_bit(kind: str) -> None:
    true = build(*DESIGNS[kind]).state_dict()
    found = fill(design(*DESIGNS[kind]), save(true)).state_dict()
    assert {n: t.device.type for n, t in found.items()} == dict.fromkeys(true, "cpu")
    for name, tensor in true.items():
        assert torch.equal(found[name], tensor), name


def test_numbers_stored_in_half_the_bits_come_back_rounded() -> None:
    true = build(*DESIGNS["restorer"]).state_dict()
    found = fill(design(*DESIGNS["restorer"]), save({n: t.half() for n, t in true.items()}))
    for name, tensor in found.state_dict().items():
        assert tensor.dtype == torch.float32
        torch.testing.assert_close(tensor, true[name], rtol=2**-11, atol=2**-24)


def test_the_size_is_known_before_there_is_memory() -> None:
    values = sum(len(t.numpy().tobytes()) for t in build(*DESIGNS["dcgan"]).state_dict().values())
    assert size_of(design(*DESIGNS["dcgan"])) == values


ENTRY: dict[str, Any] = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "a header of 0 bytes"),
        (assemble({"bias": ENTRY}, b"", claimed=2**40), "a header of 1099511627776 bytes"),
        (assemble({"bias": ENTRY}, b"0" * 16), "1 tensors are missing, weight among them, 1 are"),
        (assemble({"weight": ENTRY | {"dtype": "F64"}}, b"0" * 16), "not F32 of shape"),
        (assemble({"weight": ENTRY | {"shape": [4]}}, b"0" * 16), r"not F32 of shape \[2, 2\]"),
        (assemble({"weight": ENTRY}, b"0" * 12), "no safetensors file"),
        (assemble({"weight": ENTRY}, b"\0\0\xc0\x7f" * 4), "not finite"),
    ],
)
def test_what_does_not_fit_is_named(data: bytes, reason: str) -> None:
    with torch.device("meta"):
        network = torch.nn.Linear(2, 2, bias=False)
    with pytest.raises(ValueError, match=reason):
        fill(network, data)
