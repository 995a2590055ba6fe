"""In which arithmetic convolutions are computed, on the machine at hand."""

from __future__ import annotations

import torch


def autocast(precision: str, device: str) -> torch.autocast:
    """Return the context in which networks are called; see `TrainSettings.precision`."""
    kind = torch.device(device).type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=uses_bfloat16(precision, kind))


def uses_bfloat16(precision: str, device_type: str) -> bool:
    """Return whether convolutions on `cpu` or `cuda` are to be computed in bfloat16.

    Left to the machine, on a GPU they are not: it gains nothing at these sizes (`make bench-gpu`).
    """
    return precision == "bfloat16" or (
        precision == "auto" and device_type == "cpu" and _has_unit_for_bfloat16()
    )


def _has_unit_for_bfloat16() -> bool:
    # Older releases cannot tell; float32 is then the safe choice.
    # AVX-512 has products of bfloat16 too, which make a step slower than float32 (`medgan doctor`).
    units: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(units.get("amx_bf16"))
