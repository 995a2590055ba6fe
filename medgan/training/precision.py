"""In which arithmetic convolutions are computed, on the machine at hand."""

from __future__ import annotations

import torch


def autocast(precision: str, device: str) -> torch.autocast:
    """Return the context in which networks are called; see `TrainSettings.precision`."""
    kind = torch.device(device).type
    wanted = precision == "bfloat16" or (precision == "auto" and has_bfloat16(kind))
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=wanted)


def has_bfloat16(device_type: str) -> bool:
    """Return whether `cpu` or `cuda` computes in bfloat16 natively here."""
    if device_type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    # Older releases cannot tell; float32 is then the safe choice.
    units: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(units.get("avx512_bf16") or units.get("amx_bf16"))
