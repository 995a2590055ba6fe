"""Weights as bytes: their header is held against the network before a tensor is made of them.

The layout is that of safetensors: eight bytes that say how long the header is, the header as JSON
(name -> dtype, shape, offsets), and the values. Nothing in it can run.
"""

from __future__ import annotations

from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import Tensor, nn

from medgan.models.plain_json import parse_plain

MAX_HEADER_BYTES = 2**20
"""About ten thousand tensors; the networks here have some dozens."""

_DTYPES = {torch.float32: "F32", torch.int64: "I64"}
"""What networks here are made of: `BatchNorm` counts its batches in whole numbers."""

_HALF = "F16"
"""What a number of 32 bits may also be stored as; networks always compute with 32."""


def size_of(network: nn.Module) -> int:
    """Return the bytes that the values of a network take, whatever device it is on."""
    return sum(t.numel() * t.element_size() for t in network.state_dict().values())


def fill(network: nn.Module, data: bytes) -> nn.Module:
    """Give a network on the `meta` device its values, and a place in memory.

    Raises
    ------
    ValueError
        If a tensor is too much, too few, of another shape or type, or not finite, or the bytes are
        no safetensors file.
    """
    wanted = network.state_dict()
    _check_header(_header(data), wanted)
    try:
        tensors = load_tensors(data)
    except SafetensorError as error:
        raise ValueError(f"no safetensors file: {str(error).splitlines()[0][:200]}") from None
    broken = next((name for name, t in tensors.items() if not torch.isfinite(t).all()), None)
    if broken is not None:
        raise ValueError(f"{broken} holds values that are not finite")
    filled = network.to_empty(device="cpu")
    filled.load_state_dict(tensors)
    return filled


def _header(data: bytes) -> dict[str, Any]:
    length = int.from_bytes(data[:8], "little")
    if not 2 <= length <= min(MAX_HEADER_BYTES, len(data) - 8):
        raise ValueError(f"no safetensors file: a header of {length} bytes")
    header = parse_plain(data[8 : 8 + length])
    header.pop("__metadata__", None)
    return header


def _check_header(header: dict[str, Any], wanted: dict[str, Tensor]) -> None:
    """Compare names, shapes and types; offsets are what safetensors checks by itself."""
    missing, extra = sorted(wanted.keys() - header.keys()), header.keys() - wanted.keys()
    if missing or extra:
        first = f", {missing[0]} among them" if missing else ""
        raise ValueError(f"{len(missing)} tensors are missing{first}, {len(extra)} are too many")
    for name, tensor in wanted.items():
        entry = header[name] if isinstance(header[name], dict) else {}
        stored, shape = _DTYPES.get(tensor.dtype), list(tensor.shape)
        allowed = (stored, _HALF) if tensor.dtype == torch.float32 else (stored,)
        if entry.get("dtype") not in allowed or entry.get("shape") != shape:
            raise ValueError(f"{name} is not {stored} of shape {shape}")
