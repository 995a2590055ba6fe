"""An average of the generator's weights over the steps: what is shipped and sampled from."""

from __future__ import annotations

import copy

import torch
from torch import nn


class Ema:
    """Exponential moving average with a half-life in steps (Karras et al. 2018, section C).

    The half-life is ramped up at the start (never longer than a tenth of the steps so far), so
    that the random initialisation is forgotten.
    """

    def __init__(self, module: nn.Module, half_life: float) -> None:
        self.module = copy.deepcopy(module).eval().requires_grad_(False)
        self.half_life = half_life

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Move the average towards the module; buffers are copied."""
        half_life = min(self.half_life, (step + 1) / 10)
        keep = 0.5 ** (1 / half_life) if half_life else 0.0
        for mean, value in zip(self.module.parameters(), module.parameters(), strict=True):
            mean.lerp_(value, 1 - keep)
        for kept, current in zip(self.module.buffers(), module.buffers(), strict=True):
            kept.copy_(current)
