"""Fillers tried out on hidden slices of this very scan: their errors, and the mixture they earn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medgan.interpolation import Filler
from medgan.record import Candidate
from medgan.restoration.adapt import AdaptedFiller
from medgan.restoration.hide import GapKind, Window, widest_tried, windows
from medgan.restoration.likeness import Likeness, decibels, mean_ssim
from medgan.restoration.mixture import admitted_weights, error_matrix, mixture_weights
from medgan.restoration.scale import PhysicalPlanes, measure, stack_of
from medgan.restoration.signs import Rims, Signs
from medgan.scans import Scan

MIXTURE = "mixture"
BASELINE = "linear"


@dataclass(frozen=True)
class SliceScore:
    """How the mixture did on one hidden slice.

    Parameters
    ----------
    position
        Along the scan's axis.
    made
        The mixture against the slice that was hidden.
    signs
        What could be seen of that without it.
    shift
        Mean of mixture - truth, in units of the range.
    """

    position: int
    made: Likeness
    signs: Signs
    shift: float


@dataclass(frozen=True)
class Attempt:
    """Hidden slices of one window, as they were and as every filler made them.

    Parameters
    ----------
    targets
        The slices that are scored, m.
    rims
        What lay around each of them.
    truth
        (m, h, w).
    estimates
        (f, m, h, w) of the fillers.
    """

    targets: tuple[int, ...]
    rims: tuple[Rims, ...]
    truth: NDArray[np.float32]
    estimates: NDArray[np.float32]

    def scores(self, weights: NDArray[np.float64]) -> list[SliceScore]:
        """Score the mixture by `weights` (f,), slice by slice."""
        mixed = np.tensordot(weights.astype(np.float32), self.estimates, axes=1)
        return [
            SliceScore(
                target, Likeness.of(made, true), rims.signs(made), float(np.mean(made - true))
            )
            for target, rims, made, true in zip(
                self.targets, self.rims, mixed, self.truth, strict=True
            )
        ]


@dataclass(frozen=True)
class Trial:
    """What came of hiding slices for one kind of gap.

    Parameters
    ----------
    kind
        The gaps it stands for.
    weights
        (f,) of the fillers in the mixture.
    candidates
        Every filler and the mixture, with their figures on the hidden slices; empty where another
        trial holds them.
    scores
        The mixture, slice by slice; empty where nothing could be hidden.
    """

    kind: GapKind
    weights: NDArray[np.float64]
    candidates: tuple[Candidate, ...]
    scores: tuple[SliceScore, ...]


def try_out(
    scan: Scan,
    planes: PhysicalPlanes,
    kind: GapKind,
    fillers: Sequence[Filler],
    prior: NDArray[np.float64],
) -> Trial:
    """Hide slices, fill them by every filler, and weigh the fillers.

    Parameters
    ----------
    planes
        As `scale.physical_planes` gives them.
    prior
        Weights to use where nothing can be hidden, and to shrink towards elsewhere.

    Returns
    -------
    Trial
        Without scores where such gaps cannot be tried out; its weights are then those of the
        widest gap that can.
    """
    measured = scan.truth
    chosen = windows(kind, scan.present, measured)
    if not chosen:
        narrower = GapKind(widest_tried(kind.length, scan.present, measured), False)
        if not narrower.length:
            return Trial(kind, prior, (), ())
        weights = try_out(scan, planes, narrower, fillers, prior).weights
        return Trial(kind, weights, (), ())
    attempts = [_fill(scan, planes, window, fillers) for window in chosen]
    baseline = [filler.name for filler in fillers].index(BASELINE)
    matrices = [error_matrix(attempt.estimates - attempt.truth) for attempt in attempts]
    sizes = [len(attempt.targets) for attempt in attempts]
    newcomer = next((n for n, f in enumerate(fillers) if isinstance(f, AdaptedFiller)), None)
    weights = (
        mixture_weights(matrices, prior, baseline, sizes)
        if newcomer is None
        else admitted_weights(matrices, prior, baseline, sizes, newcomer)
    )
    scores = tuple(score for attempt in attempts for score in attempt.scores(weights))
    return Trial(kind, weights, _figures(attempts, fillers, weights, scores, kind), scores)


def _fill(scan: Scan, planes: PhysicalPlanes, window: Window, fillers: Sequence[Filler]) -> Attempt:
    """Hide one window from everything, the scale too, and fill it by every filler."""
    present = scan.present.copy()
    present[list(window.hidden)] = False
    stack = stack_of(scan, planes, measure(planes, present), present)
    return Attempt(
        window.scored,
        tuple(Rims.of(stack, target) for target in window.scored),
        stack.planes[list(window.scored)],
        np.stack([filler.fill(stack, window.scored) for filler in fillers]),
    )


def _figures(
    attempts: Sequence[Attempt],
    fillers: Sequence[Filler],
    weights: NDArray[np.float64],
    scores: Sequence[SliceScore],
    kind: GapKind,
) -> tuple[Candidate, ...]:
    """Figures of every filler on all hidden slices, best first; the mixture leads."""
    singles = []
    for f, filler in enumerate(fillers):
        likeness = [
            Likeness.of(made, true)
            for attempt in attempts
            for made, true in zip(attempt.estimates[f], attempt.truth, strict=True)
        ]
        singles.append(_candidate(filler.name, float(weights[f]), likeness, kind))
    mixture = _candidate(MIXTURE, 1.0, [score.made for score in scores], kind)
    return (mixture, *sorted(singles, key=lambda c: -c.psnr_db))


def _candidate(name: str, weight: float, likeness: Sequence[Likeness], kind: GapKind) -> Candidate:
    mse = float(np.mean([each.mse for each in likeness]))
    return Candidate(name, weight, decibels(mse), mean_ssim(likeness), kind.length)
