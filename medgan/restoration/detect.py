"""Find slices that do not fit their neighbours: leave each out, predict it, compare.

The worst slice is taken out, and all others are looked at again without it, until none stands out:
a damaged slice makes its neighbours look odd as well. Nothing is learnt but the thresholds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from medgan.restoration.detect_limits import limits
from medgan.restoration.leave_one_out import KINDS, LeaveOneOut
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.slice_statistics import Plane, rms
from medgan.restoration.surroundings import Standing, standing
from medgan.scans import Scan, positions_in_words

SAME_CHANCE = 0.05
"""Of two equal slices, neither is told apart where both fit as well, to this share."""
LEAST_SIDE = 16
"""Planes with a shorter side, in pixels, are not judged."""
SIGNAL_OF = {"blurred": "dimmed", "noise": "bright", "spikes": "bright"}
"""Figures of detail, and what the signal does where that is all there is to them."""
WORDS = {
    "misfit": "unlike its neighbours",
    "noise": "noise",
    "spikes": "spikes",
    "blurred": "blurred",
    "drop_out": "drop-out",
    "dimmed": "dimmed",
    "bright": "too bright",
    "shifted": "shifted",
    "duplicate": "duplicate",
    "stripes": "stripes",
    "ghost": "ghost",
    "saturated": "saturated",
}
"""How a person reads each kind."""


@dataclass(frozen=True)
class Suspect:
    """One slice, and how much it looks damaged.

    Parameters
    ----------
    position
        Zero-based along the scan's axis.
    instance
        Instance number of a DICOM slice.
    kind
        Key of `WORDS`: what stands out most.
    score
        How far, over the threshold of that kind: from 1 on the slice is called damaged.
    like
        Position of a slice that is the same; None if there is none.
    either
        It may as well be `like` that is in the wrong place.
    neighbours
        Positions it was predicted from.
    """

    position: int
    instance: int | None
    kind: str
    score: float
    neighbours: tuple[int, int]
    like: int | None = None
    either: bool = False

    @property
    def words(self) -> str:
        """The kind, as a person reads it."""
        text = WORDS[self.kind]
        if self.like is None:
            return text
        other = f"same as position {self.like}"
        told = f"{text} ({other})" if self.kind == "duplicate" else f"{text}, {other}"
        return f"{told}, which may be the false one" if self.either else told


@dataclass(frozen=True)
class Detection:
    """What came of looking through one scan.

    Parameters
    ----------
    damaged
        Slices that do not fit, worst first.
    others
        Every other slice that was judged, worst first; scores below 1.
    unjudged
        Slices that could not be judged: at the ends, with hardly any signal, or beside wide gaps.
    """

    damaged: tuple[Suspect, ...]
    others: tuple[Suspect, ...]
    unjudged: tuple[int, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What the record of a scan says where damaged slices are taken for missing."""
        told = [
            f"position {s.position} does not fit its neighbours ({s.words}, {s.score:.2f} times "
            "the threshold): it was taken for damaged"
            for s in self.damaged
        ] or ["no slice was found to be damaged"]
        if self.unjudged:
            positions = positions_in_words(self.unjudged)
            told.append(f"positions {positions} could not be judged, whether they are damaged")
        return tuple(told)


def detect_damage(scan: Scan) -> Detection:
    """Rank the slices of a scan by how little they fit their neighbours.

    Measured slices are judged; those that a program made are neighbours like any other.

    Raises
    ------
    RestoreError
        If the values cannot be computed with; see `scale.physical_planes`.
    """
    physical = physical_planes(scan)
    planes = stack_of(scan, physical, measure(physical, scan.present), scan.present).planes
    return search(LeaveOneOut(planes), scan)


def search(stack: LeaveOneOut, scan: Scan) -> Detection:
    """Do what `detect_damage` does with planes that are on the scale already."""
    there = [int(p) for p in np.flatnonzero(scan.present)]
    judged = frozenset(int(p) for p in np.flatnonzero(scan.truth))
    if min(stack.planes.shape[1:]) < LEAST_SIDE:
        return Detection((), (), tuple(there))
    damaged: list[Suspect] = []
    while True:
        taken_out = {suspect.position for suspect in damaged}
        line = [p for p in there if p not in taken_out]
        suspects = _suspects(standing(stack, line, judged), scan)
        if not suspects or suspects[0].score < 1:
            break
        damaged.append(_explained(suspects[0], scan, stack, line))
    known = taken_out | {suspect.position for suspect in suspects}
    ranked = sorted(damaged, key=lambda suspect: -suspect.score)
    return Detection(tuple(ranked), tuple(suspects), tuple(p for p in there if p not in known))


def predict(scan: Scan, suspect: Suspect) -> Plane:
    """Return the plane (h, w) that a slice's neighbours make one expect, in the scan's unit."""
    before, after = suspect.neighbours
    return LeaveOneOut(physical_planes(scan)).predict(before, suspect.position, after)


def _suspects(standing: Standing, scan: Scan) -> list[Suspect]:
    """Return every judged slice, worst first."""
    known = [limits().kinds[kind] for kind in KINDS]
    floors = np.array([limit.floor for limit in known])
    thresholds = np.where(
        standing.is_beside_hole[:, None],
        [limit.beside_hole for limit in known],
        [limit.threshold for limit in known],
    )
    scores = standing.deviations / np.maximum(standing.spreads, floors) / thresholds
    suspects = [
        Suspect(
            position=position,
            instance=_instance(scan, position),
            kind=_kind(scores[row], standing.deviations[row]),
            score=round(float(scores[row].max()), 3),
            neighbours=standing.neighbours[row],
        )
        for row, position in enumerate(standing.positions)
    ]
    return sorted(suspects, key=lambda suspect: (-suspect.score, suspect.position))


def _kind(scores: NDArray[np.float64], deviations: NDArray[np.float64]) -> str:
    """Say what is wrong with a slice: what stands out most, a mere residual last of all.

    Detail goes with the signal: a slice that lost or gained both alike is dimmed or bright, and
    the rim of a drop-out is no spike.
    """
    scored = dict(zip(KINDS, scores, strict=True))
    if scored["drop_out"] >= 1:
        return "drop_out"
    told = KINDS[1:] if scores[1:].max() >= 1 else KINDS
    kind = max(told, key=lambda each: scored[each])
    signal = SIGNAL_OF.get(kind)
    by = dict(zip(KINDS, deviations, strict=True))
    return signal if signal and by[signal] > by[kind] / 2 else kind


def _explained(suspect: Suspect, scan: Scan, stack: LeaveOneOut, line: Sequence[int]) -> Suspect:
    """Say which slice a damaged one is a copy of, if any, and which of the two is false."""
    if suspect.kind != "duplicate":
        same = _same(scan, suspect.position)
        return replace(suspect, kind="duplicate", like=same) if same is not None else suspect
    planes = stack.planes
    here = planes[suspect.position]
    twin = min(suspect.neighbours, key=lambda p: rms(planes[p] - here))
    first, second = sorted((suspect.position, twin))
    rank = line.index(first)
    if rank == 0 or rank + 2 == len(line):
        return replace(suspect, like=twin, either=True)
    # What both hold belongs where it lies nearer to the slice on that side.
    before, after = (rms(planes[p] - here) for p in (line[rank - 1], line[rank + 2]))
    false, true = (second, first) if before < after else (first, second)
    at = line.index(false)
    return replace(
        suspect,
        position=false,
        instance=_instance(scan, false),
        neighbours=(line[at - 1], line[at + 1]),
        like=true,
        either=abs(before - after) < SAME_CHANCE * max(before, after),
    )


def _same(scan: Scan, position: int) -> int | None:
    """Return another position with the very same values, none of them constant."""
    here = scan.slice(position)
    if (here == here.flat[0]).all():
        return None
    others = (int(p) for p in np.flatnonzero(scan.present) if p != position)
    return next((p for p in others if np.array_equal(scan.slice(p), here)), None)


def _instance(scan: Scan, position: int) -> int | None:
    return scan.instances[position] if scan.instances else None
