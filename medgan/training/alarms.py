"""What goes wrong in adversarial training, named, with one line of advice.

Thresholds come from failures that were measured: a discriminator that is sure for 20 steps, one
that says nothing for 60, a batch whose variety is far from that of real scans. docs/training.md
has all of them in a table.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

LOOK_INTERVAL = 25
"""Steps between the looks that cost a pass through a network."""

SURE, SURE_STEPS = 0.95, 20
"""Mean probability of real above that of fake from which the discriminator is sure."""

SILENT, SILENT_STEPS = 0.01, 60
"""Difference of mean logits below which it says nothing."""

LEAST_VARIETY, MOST_VARIETY, VARIETY_LOOKS = 0.7, 1.3, 2
"""Spread of a fake batch over a real one; healthy runs stay within 0.95 to 1.05."""

MOST_APART, APART_LOOKS = 0.2, 2
"""By how much the spread of averaged and raw generator may differ, as a share of the latter."""

STEEPER, STEEPER_TIMES, N_PENALTIES, FEWEST_PENALTIES = 10.0, 3, 50, 20
"""Penalty over its running median of so many, and how often in a row."""

NOTICEABLE = math.log(2)
"""Penalty below which it does not count how fast it grows: what a loss is at an even chance."""

SURELY = 3.0
"""Standard errors from which a difference is not taken for chance."""

MOST_KNOWN, KNOWN_LOOKS = 0.6, 16
"""Share of the distance from fake to training scans that held-out ones lack, over so many looks."""

LABEL_VOLUME, LABEL_VOLUME_SE = "label_volume", "label_volume_se"
"""Figures of a validation: mean volume of a label in fakes over that in the training set, of the
class that is most surely off, and its standard error; 1 is healthy."""

MOST_LABEL_DRIFT, DRIFT_LOOKS = 0.05, 3
"""How far off it may be, if that is sure: volumes differ from case to case. And for how many
validations in a row; so with the two below."""

SPECTRUM, MOST_SPECTRUM_DB = "spectrum_db", 1.0
"""Figure of a validation: difference of power spectra from the training set; real ones .1."""

LABEL_PARTS, MOST_PARTS = "label_parts", 1.15
"""Figure of a validation: connected parts of labels over those in the training set."""

NOT_FINITE = "not finite"


@dataclass(frozen=True)
class Alarm:
    """One thing that looks wrong.

    Parameters
    ----------
    step
        Steps done when it was seen, that one counted.
    seen
        What it was seen in, where the name leaves that open.
    """

    name: str
    step: int
    advice: str
    seen: str = ""

    def __str__(self) -> str:
        """Say what, where and when."""
        return f"{self.seen} {self.name}".strip() + f" at step {self.step}"


ADVICE = {
    "saturated discriminator": "it tells real from fake without doubt, so the generator learns "
    "nothing: use objective relativistic with r1_gamma and r2_gamma, or a lower discriminator_lr",
    "dead discriminator": "it cannot tell real from fake at all: raise discriminator_lr, or lower "
    "r1_gamma and r2_gamma",
    "overfitted discriminator": "it knows training scans by heart and takes held-out ones for "
    "fakes: raise eye.augment.probability, train fewer steps, or give more scans",
    "runaway penalty": "the discriminator turns ever steeper: lower discriminator_lr, or "
    "penalty_interval",
    "collapse": "samples are too alike: resume from an earlier checkpoint with a larger r1_gamma, "
    "or more data",
    "runaway contrast": "samples vary more than real scans: lower generator_lr",
    "drifting average": "the averaged generator, which is kept, varies unlike the one in training: "
    "lower ema_half_life or generator_lr, or set generator.norm to group",
    "drifting spectrum": "grain is too strong or too weak, or a grid shows: look at the montages, "
    "and train more steps, or lower generator_lr",
    "ragged labels": "virtual labels fall into more parts than real ones: train more steps; "
    "sampling.largest_part drops what is cut off",
    "drifting labels": "volumes of virtual labels are not those of the training scans, and "
    "thresholds must be shifted to match them: train more steps, or lower generator_lr",
    NOT_FINITE: "numbers overflowed: train into a new folder with a lower generator_lr, or "
    "precision float32; the last checkpoint stays",
}


@dataclass
class Watch:
    """Counts suspicious steps; each alarm is raised once until it has passed.

    Parameters
    ----------
    settle_steps
        Steps after the start in which nothing is said: a discriminator that has not begun to
        learn looks like a dead one.
    counts
        How often in a row each thing has looked suspicious.
    recent
        Figures that are judged several together.
    names
        Of all alarms raised so far.
    """

    settle_steps: int = 100
    counts: dict[str, int] = field(default_factory=dict)
    recent: dict[str, list[float]] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    def look(self, step: int, real: Tensor, fake: Tensor, variety: float | None) -> list[Alarm]:
        """Look at logits of one step, and at `variety` when it was measured."""
        p_real, p_fake = torch.sigmoid(real).mean().item(), torch.sigmoid(fake).mean().item()
        gap = (real.mean() - fake.mean()).abs().item()
        has_settled = step > self.settle_steps
        raised = [
            *self._count("saturated discriminator", step, p_real - p_fake > SURE, SURE_STEPS),
            *self._count("dead discriminator", step, gap < SILENT and has_settled, SILENT_STEPS),
        ]
        if variety is not None and has_settled:
            raised += [
                *self._count("collapse", step, variety < LEAST_VARIETY, VARIETY_LOOKS),
                *self._count("runaway contrast", step, variety > MOST_VARIETY, VARIETY_LOOKS),
            ]
        return raised

    def look_at_held_out(
        self, step: int, real: Tensor, fake: Tensor, held_out: Tensor
    ) -> list[Alarm]:
        """Look at logits of training scans, fakes and scans held out, all of one discriminator.

        Notes
        -----
        r_v = (E D(train) - E D(held out)) / (E D(train) - E D(fake)) of Karras et al. 2020
        (arXiv 2006.06676, eq. 1): 0 where held-out scans are as real as training ones, 1 where they
        are as wrong as fakes. Only differences within a step enter: relativistic logits have no
        zero. Means are over `KNOWN_LOOKS` looks, after which new ones are gathered.
        """
        if step <= self.settle_steps:
            return []
        known = self.recent.setdefault("known", [])
        told = self.recent.setdefault("told", [])
        known.append((real.mean() - held_out.mean()).item())
        told.append((real.mean() - fake.mean()).item())
        if len(known) < KNOWN_LOOKS:
            return []
        mean, error = statistics.fmean(known), statistics.stdev(known) / math.sqrt(len(known))
        is_known = mean > SURELY * error and mean > MOST_KNOWN * statistics.fmean(told) > 0
        known.clear()
        told.clear()
        return self._count("overfitted discriminator", step, is_known, 1)

    def look_at_average(self, step: int, ratio: float) -> list[Alarm]:
        """Look at the spread of the averaged generator's batch over that of the raw one's."""
        is_apart = step > self.settle_steps and abs(ratio - 1) > MOST_APART
        return self._count("drifting average", step, is_apart, APART_LOOKS)

    def look_at_losses(
        self, step: int, figures: Mapping[str, float], gammas: Mapping[str, float]
    ) -> list[Alarm]:
        """Look at the losses of a step, and at penalties among them as `gammas` weigh them."""
        broken = [name for name, value in figures.items() if not math.isfinite(value)]
        terms = [gamma / 2 * figures[name] for name, gamma in gammas.items() if name in figures]
        if broken or not terms or step <= self.settle_steps:
            return self._not_finite(step, broken)
        penalty = sum(terms)
        before = self.recent.setdefault("penalty", [])
        is_known = len(before) >= FEWEST_PENALTIES
        is_steep = is_known and penalty > max(NOTICEABLE, STEEPER * statistics.median(before))
        before.append(penalty)
        del before[:-N_PENALTIES]
        return self._count("runaway penalty", step, is_steep, STEEPER_TIMES)

    def look_at_validation(self, step: int, figures: Mapping[str, float]) -> list[Alarm]:
        """Look at those figures of a validation that have an alarm."""
        if step <= self.settle_steps:
            return []
        is_off = {}
        if LABEL_VOLUME in figures:
            allowed = max(MOST_LABEL_DRIFT, SURELY * figures[LABEL_VOLUME_SE])
            is_off["drifting labels"] = abs(figures[LABEL_VOLUME] - 1) > allowed
        if LABEL_PARTS in figures:
            is_off["ragged labels"] = figures[LABEL_PARTS] > MOST_PARTS
        if SPECTRUM in figures:
            is_off["drifting spectrum"] = figures[SPECTRUM] > MOST_SPECTRUM_DB
        raised = (self._count(name, step, is_so, DRIFT_LOOKS) for name, is_so in is_off.items())
        return [alarm for alarms in raised for alarm in alarms]

    def look_at_weights(self, step: int, networks: Mapping[str, nn.Module]) -> list[Alarm]:
        """Look at all weights of networks, given by what they are called."""
        broken = [
            f"weights of the {name}"
            for name, network in networks.items()
            if not all(tensor.isfinite().all() for tensor in network.state_dict().values())
        ]
        return self._not_finite(step, broken)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint holds of it."""
        return {"counts": self.counts, "recent": self.recent, "names": self.names}

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go back to a checkpoint."""
        self.counts, self.recent, self.names = state["counts"], state["recent"], state["names"]

    def _not_finite(self, step: int, broken: list[str]) -> list[Alarm]:
        return self._raise(NOT_FINITE, step, ", ".join(broken)) if broken else []

    def _count(self, name: str, step: int, suspicious: bool, patience: int) -> list[Alarm]:
        count = self.counts.get(name, 0) + 1 if suspicious else 0
        self.counts[name] = count
        return self._raise(name, step) if count == patience else []

    def _raise(self, name: str, step: int, seen: str = "") -> list[Alarm]:
        self.names.append(name)
        return [Alarm(name, step, ADVICE[name], seen)]


def variety(fake: Tensor, real: Tensor) -> float:
    """Return the spread between samples of a fake batch over that of a real one.

    (B, C, *S) each; root mean square over voxels of the standard deviation across the batch. 1 is
    healthy, 0 a generator that always says the same; nan where a single sample has no spread.
    """
    if len(real) < 2:
        return math.nan
    spread = [x.detach().float().std(dim=0).square().mean().sqrt().item() for x in (fake, real)]
    return spread[0] / spread[1] if spread[1] > 0 else math.nan
