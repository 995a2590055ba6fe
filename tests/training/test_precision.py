"""Which arithmetic `precision` stands for."""

from __future__ import annotations

import pytest
import torch

from medgan.training.precision import uses_bfloat16


@pytest.mark.parametrize("has_unit", [True, False])
def test_auto_is_bfloat16_only_on_a_processor_with_a_matrix_unit_for_it(
    monkeypatch: pytest.MonkeyPatch, has_unit: bool
) -> None:
    units = {"avx512_bf16": True, "amx_bf16": has_unit}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: units, raising=False)
    assert uses_bfloat16("auto", "cpu") is has_unit
    assert not uses_bfloat16("auto", "cuda")
    for device in ("cpu", "cuda"):
        assert uses_bfloat16("bfloat16", device)
        assert not uses_bfloat16("float32", device)
