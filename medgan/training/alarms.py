"""What goes wrong in adversarial training, named, with one line of advice.

Thresholds come from failures that were measured: a discriminator that is sure for 20 steps, one
that says nothing for 60, a batch whose variety is far from that of real scans.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

SURE, SURE_STEPS = 0.95, 20
"""Mean probability of real above that of fake from which the discriminator is sure."""

SILENT, SILENT_STEPS = 0.01, 60
"""Difference of mean logits below which it says nothing."""

LEAST_VARIETY, MOST_VARIETY, VARIETY_LOOKS = 0.7, 1.3, 2
"""Spread of a fake batch over a real one; healthy runs stay within 0.95 to 1.05."""


@dataclass(frozen=True)
class Alarm:
    """One thing that looks wrong."""

    name: str
    step: int
    advice: str


ADVICE = {
    "saturated discriminator": "it tells real from fake without doubt, so the generator learns "
    "nothing: use objective relativistic with r1_gamma and r2_gamma, or a lower discriminator_lr",
    "dead discriminator": "it cannot tell real from fake at all: raise discriminator_lr, or lower "
    "r1_gamma and r2_gamma",
    "collapse": "samples are too alike: resume from an earlier checkpoint with a larger r1_gamma, "
    "or more data",
    "runaway contrast": "samples vary more than real scans: lower generator_lr",
}


@dataclass
class Watch:
    """Counts suspicious steps; each alarm is raised once until it has passed.

    Parameters
    ----------
    settle_steps
        Steps after the start in which nothing is said: a discriminator that has not begun to
        learn looks like a dead one.
    """

    settle_steps: int = 100
    counts: dict[str, int] = field(default_factory=dict)

    def look(self, step: int, real: Tensor, fake: Tensor, variety: float | None) -> list[Alarm]:
        """Look at logits of one step, and at `variety` when it was measured."""
        p_real, p_fake = torch.sigmoid(real).mean().item(), torch.sigmoid(fake).mean().item()
        gap = (real.mean() - fake.mean()).abs().item()
        has_settled = step > self.settle_steps
        raised = [
            self._count("saturated discriminator", step, p_real - p_fake > SURE, SURE_STEPS),
            self._count("dead discriminator", step, gap < SILENT and has_settled, SILENT_STEPS),
        ]
        if variety is not None and has_settled:
            raised += [
                self._count("collapse", step, variety < LEAST_VARIETY, VARIETY_LOOKS),
                self._count("runaway contrast", step, variety > MOST_VARIETY, VARIETY_LOOKS),
            ]
        return [alarm for alarm in raised if alarm is not None]

    def _count(self, name: str, step: int, suspicious: bool, patience: int) -> Alarm | None:
        count = self.counts.get(name, 0) + 1 if suspicious else 0
        self.counts[name] = count
        return Alarm(name, step, ADVICE[name]) if count == patience else None


def variety(fake: Tensor, real: Tensor) -> float:
    """Return the spread between samples of a fake batch over that of a real one.

    (B, C, *S) each; root mean square over voxels of the standard deviation across the batch. 1 is
    healthy, 0 a generator that always says the same.
    """
    spread = [x.detach().float().std(dim=0).square().mean().sqrt().item() for x in (fake, real)]
    return spread[0] / spread[1] if spread[1] > 0 else math.nan
