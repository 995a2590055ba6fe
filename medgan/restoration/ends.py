"""Slices beyond the last measured one: classical extrapolation, tried out on the scan's own ends.

Nothing was measured on the far side, so no network is asked: the outermost slices are repeated,
averaged, or their damped trend goes on (`interpolation.extrapolation`). What that is worth is told
by hiding the outermost slices of the same scan, a few times ever deeper and at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.errors import UnprovenError
from medgan.interpolation import Extrapolator, Stack, extrapolators
from medgan.record import Candidate, FilledSlice
from medgan.restoration.describe import centre_of
from medgan.restoration.expected import grade_of
from medgan.restoration.intervals import Tails
from medgan.restoration.likeness import PERFECT_DB, Likeness, decibels, mean_ssim
from medgan.restoration.mixture import error_matrix, mixture_weights
from medgan.restoration.scale import PhysicalPlanes, measure, stack_of
from medgan.restoration.trial import MIXTURE
from medgan.scans import Gap, Scan, runs

N_CUTS = 4
"""Times that slices are hidden at each end."""

PSNR_TAILS = Tails(0.3, -3.2, 4.2)
SSIM_TAILS = Tails(0.02, -0.07, 0.23)
"""How far a slice beyond the end lies from the mean of hidden ones at its distance. On 40 training
crops of the hippocampus 1.43 (-1.42 to 4.23) dB, on 2 whole training scans -0.77 (-3.19 to 1.61):
what lies beyond a crop is like what lies within, an organ ends. Kept are the mean of both and the
outer bounds. `benchmarks/ends_and_regions.py DATA --role train --limit 40`, and with `--others`."""

Planes = NDArray[np.float32]


@dataclass(frozen=True)
class EndScore:
    """How the mixture did on one hidden slice, `distance` positions beyond the last one left."""

    position: int
    distance: int
    made: Likeness


@dataclass(frozen=True)
class EndTrial:
    """What came of hiding `length` slices beyond an end.

    Parameters
    ----------
    weights
        (m,) of the extrapolators.
    scores
        Of the mixture; empty where nothing could be hidden.
    """

    length: int
    weights: NDArray[np.float64]
    candidates: tuple[Candidate, ...]
    scores: tuple[EndScore, ...]


def end_gaps(present: NDArray[np.bool_]) -> tuple[Gap, ...]:
    """Return the missing runs of a stack, `present` (n,), that have slices on one side only."""
    last = len(present)
    return tuple(g for g in runs(~present) if (g.first == 0) != (g.first + g.length == last))


def try_ends(scan: Scan, planes: PhysicalPlanes, gaps: Sequence[Gap]) -> dict[int, EndTrial]:
    """Hide the outermost slices as deep as each gap is long, and weigh the extrapolators."""
    return {g.length: _try_out(scan, planes, g.length) for g in gaps}


def fill_end(stack: Stack, gap: Gap, trial: EndTrial) -> Planes:
    """Return (length, h, w): the weighted sum of the extrapolators."""
    targets = list(gap.positions)
    filled = np.stack([method.fill(stack, targets) for method in extrapolators()])
    return np.tensordot(trial.weights.astype(np.float32), filled, axes=1)


def refuse_untried_ends(scan: Scan, trials: dict[int, EndTrial]) -> None:
    """Refuse ends so long that no more than half of the stack would be left to try them out.

    Raises
    ------
    UnprovenError
        Naming the length.
    """
    untried = [length for length, trial in trials.items() if not trial.scores]
    if untried:
        raise UnprovenError(
            f"{max(untried)} slices beyond an end cannot be tried out on the "
            f"{int(scan.present.sum())} slices that are there",
            where=scan.id,
            hint="Give --force (restore.force=true) to make them all the same; their error will be "
            "unknown.",
        )


def extrapolated_slices(
    scan: Scan, trial: EndTrial, gap: Gap, overwritten: Sequence[int]
) -> list[FilledSlice]:
    """Describe the slices of one end."""
    slices = []
    for position in gap.positions:
        distance = gap.first + gap.length - position if gap.first == 0 else position - gap.first + 1
        alike = [score.made for score in trial.scores if score.distance == distance]
        psnr_db = PSNR_TAILS.interval([decibels(made.mse) for made in alike], PERFECT_DB)
        ssim = SSIM_TAILS.interval([float(np.nan_to_num(made.ssim)) for made in alike], 1.0)
        slices.append(
            FilledSlice(
                position=position,
                world_mm=centre_of(scan, position),
                instance=None,
                gap_length=gap.length,
                grade=grade_of(ssim),
                psnr_db=psnr_db,
                ssim=ssim,
                overwritten=position in overwritten,
                extrapolated=True,
            )
        )
    return slices


def _try_out(scan: Scan, planes: PhysicalPlanes, length: int) -> EndTrial:
    methods = extrapolators()
    first = np.eye(len(methods))[0]
    scored, truths, estimates = [], [], []
    for hidden, targets in _cuts(scan, length):
        present = scan.present.copy()
        present[hidden] = False
        stack = stack_of(scan, planes, measure(planes, present), present)
        scored.append(targets)
        truths.append(stack.planes[list(targets)])
        estimates.append(np.stack([method.fill(stack, list(targets)) for method in methods]))
    if not scored:
        return EndTrial(length, first, (), ())
    errors = [e - t for e, t in zip(estimates, truths, strict=True)]
    weights = mixture_weights([error_matrix(error) for error in errors], first, 0)
    scores = [
        EndScore(position, distance, Likeness.of(made, true))
        for targets, truth, estimate in zip(scored, truths, estimates, strict=True)
        for (position, distance), made, true in zip(
            targets.items(),
            np.tensordot(weights.astype(np.float32), estimate, axes=1),
            truth,
            strict=True,
        )
    ]
    candidates = _figures(methods, weights, estimates, truths, scores, length)
    return EndTrial(length, weights, candidates, tuple(scores))


def _cuts(scan: Scan, length: int) -> Iterator[tuple[list[int], dict[int, int]]]:
    """Yield what is hidden at an end, and which of it is scored: position and distance."""
    there = np.flatnonzero(scan.present)
    deepest = len(there) // 2
    depths = {round(d) for d in np.linspace(length, deepest, N_CUTS)} if length <= deepest else ()
    for depth in sorted(depths):
        for outward in (there[::-1], there):
            hidden = outward[:depth]
            rim = int(outward[depth])
            distances = {int(p): abs(int(p) - rim) for p in hidden}
            targets = {p: d for p, d in distances.items() if d <= length and scan.truth[p]}
            if targets:
                yield hidden.tolist(), targets


def _figures(
    methods: Sequence[Extrapolator],
    weights: NDArray[np.float64],
    estimates: Sequence[Planes],
    truths: Sequence[Planes],
    scores: Sequence[EndScore],
    length: int,
) -> tuple[Candidate, ...]:
    def candidate(name: str, weight: float, likeness: list[Likeness]) -> Candidate:
        mse = float(np.mean([each.mse for each in likeness]))
        return Candidate(name, weight, decibels(mse), mean_ssim(likeness), length, "end")

    singles = [
        candidate(
            method.name,
            float(weights[m]),
            [
                Likeness.of(made, true)
                for estimate, truth in zip(estimates, truths, strict=True)
                for made, true in zip(estimate[m], truth, strict=True)
            ],
        )
        for m, method in enumerate(methods)
    ]
    mixture = candidate(MIXTURE, 1.0, [score.made for score in scores])
    return (mixture, *sorted(singles, key=lambda c: -c.psnr_db))
