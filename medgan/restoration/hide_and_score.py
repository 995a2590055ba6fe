"""Proof on a person's own complete scan: take slices away, restore them, score them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import Filler
from medgan.restoration.expected import evidence
from medgan.restoration.fill import trials_of
from medgan.restoration.hide import interior_gaps, kind_of
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.signs import Rims
from medgan.restoration.trial import MIXTURE
from medgan.restoration.truth import MethodScore, SlicePrediction, Truth
from medgan.scans import Scan


@dataclass(frozen=True, eq=False)
class WorstSlice:
    """The slice that the mixture filled worst, to be looked at.

    Parameters
    ----------
    true
        (h, w) as measured, in the unit of the scan.
    filled
        Method to its (h, w) estimate, the mixture first.
    """

    position: int
    true: NDArray[np.float32]
    filled: dict[str, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class HiddenResult:
    """All that came of one protocol on one scan."""

    methods: tuple[MethodScore, ...]
    slices: tuple[SlicePrediction, ...]
    worst: WorstSlice


def positions_of(protocol: str, n: int) -> list[int]:
    """Return what a protocol takes away from a stack of n slices.

    `xS` keeps every S-th slice and the last; `gapG` takes G slices from the middle. Empty where
    the stack is too short.
    """
    if protocol.startswith("x"):
        step = int(protocol[1:])
        return [i for i in range(n) if i % step and i != n - 1] if n > 2 * step else []
    length = int(protocol.removeprefix("gap"))
    first = (n - length) // 2
    return list(range(first, first + length)) if n >= length + 2 else []


def hide_and_score(
    scan: Scan,
    taken: Sequence[int],
    protocol: str,
    fillers: Sequence[Filler],
    beside: Sequence[Filler] = (),
) -> HiddenResult:
    """Take slices away, fill them by every filler and by the mixture, and score them.

    Parameters
    ----------
    scan
        Complete, or at least with slices at the positions taken.
    taken
        Positions of measured slices to take away; only these are scored, not gaps that were there
        before. Slices that a program made are taken away as well: they may have been made from
        the very slices that are scored.
    protocol
        Name for the table.
    fillers
        As `load_fillers` gives them.
    beside
        More methods to score that are no candidates of the mixture.

    Returns
    -------
    HiddenResult
        One score a method, the mixture first, then the fillers and those beside; and one
        prediction a slice, none where the mixture could not be tried out.
    """
    holed = scan.without([*taken, *np.flatnonzero(scan.present & ~scan.truth)])
    gaps = interior_gaps(holed.present)
    planes = physical_planes(holed)
    trials = trials_of(holed, planes, gaps, fillers)
    scale = measure(planes, holed.present)
    stack = stack_of(holed, planes, scale, holed.present)
    targets = [position for gap in gaps for position in gap.positions if position in taken]
    truth = Truth.of(scan, protocol, targets)
    by_trial = [
        trials[kind_of(gap, holed.present)]
        for gap in gaps
        for position in gap.positions
        if position in taken
    ]

    # The mixture is made from the very planes that are scored, so that nothing is filled twice.
    estimates = np.stack([filler.fill(stack, targets) for filler in fillers])
    weights = np.stack([trial.weights for trial in by_trial], axis=1)
    scaled = np.einsum("ft,fthw->thw", weights.astype(np.float32), estimates)
    mixed = scale.undo(scaled)
    methods = [
        truth.score(filler.name, float(share), scale.undo(estimate))
        for filler, share, estimate in zip(fillers, weights.mean(axis=1), estimates, strict=True)
    ]
    methods += [truth.score(f.name, 0.0, scale.undo(f.fill(stack, targets))) for f in beside]
    slices = [
        truth.predicted(
            evidence(trial.scores, Rims.of(stack, position).signs(seen)),
            trial.kind,
            position,
            filled,
        )
        for trial, position, seen, filled in zip(by_trial, targets, scaled, mixed, strict=True)
        if trial.scores
    ]
    at = int(np.argmax(((mixed - truth.planes[targets]) ** 2).mean(axis=(1, 2))))
    named = zip((f.name for f in fillers), estimates[:, at], strict=True)
    worst = WorstSlice(
        targets[at],
        truth.planes[targets[at]],
        {MIXTURE: mixed[at], **{name: scale.undo(plane) for name, plane in named}},
    )
    return HiddenResult((truth.score(MIXTURE, 1.0, mixed), *methods), tuple(slices), worst)
