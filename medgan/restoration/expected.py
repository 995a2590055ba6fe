"""How wrong a filled slice is expected to be: hidden-slice scores, calibrated on other scans.

The raw score is badly biased: slices that can be hidden leave wider holes than the real ones in a
thinned stack, and lie elsewhere. Most of that is told by how much the scan changes across the gap
and across those holes, and by how far the fillers disagree here and there, which can be seen
without the truth. `calibration.json` holds, for thinned and for adjacent slices apart, what became
of the score in the light of these, and how far single slices of another source strayed from it,
measured on training scans by `benchmarks/calibrate.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from pydantic import Field

from medgan.record import Grade, Interval
from medgan.restoration.hide import GapKind
from medgan.restoration.trial import PERFECT_DB, Likeness, SliceScore, Trial, decibels
from medgan.settings import Settings, parse

GOOD_SSIM, FAIR_SSIM = 0.90, 0.75
"""Expected similarity from which a filled slice is called good, or fair. A convention, not a
clinical threshold."""

NEAR = 0.1
"""Hidden slices so far from the place in question, as a share of the gap, count 60 %."""

AGREED = 1e-6
"""Ambiguity, in squared ranges, below which fillers count as one."""

LEAST_SHARE = 0.02
"""Of the ceiling: nothing is expected to be surer than that."""


@dataclass(frozen=True)
class Evidence:
    """What can be seen of one quantity (PSNR in dB, or SSIM) before the truth is looked at.

    Parameters
    ----------
    hidden
        Hidden slices at a like place of their holes, against what was made of them.
    rims
        The rims of the gap, one against the other, less the same of those holes.
    accord
        How much the fillers agree in the gap, less the same in those holes: -10 log10 of their
        ambiguity, dB.
    """

    hidden: float
    rims: float
    accord: float


class Plane(Settings):
    """true = offset + hidden * x + rims * y + accord * z, and the 5 % tails of what is left.

    The tails are those on sources that the plane was not fitted to, so that they hold what differs
    from source to source.
    """

    offset: float
    hidden: float
    rims: float
    accord: float
    low: float = Field(le=0)
    """5th percentile of true - expected."""
    high: float = Field(ge=0)
    """95th percentile of true - expected."""
    relative: bool = False
    """Whether the tails are shares of what the expected value lacks of the ceiling: SSIM strays the
    less the nearer it comes to 1."""

    def value(self, seen: Evidence) -> float:
        """Return the expected value."""
        seen_there = self.hidden * seen.hidden + self.rims * seen.rims
        return self.offset + seen_there + self.accord * seen.accord

    def unit(self, value: float, ceiling: float) -> float:
        """Return the unit of the tails at an expected value."""
        return max(ceiling - value, LEAST_SHARE * ceiling) if self.relative else 1.0

    def interval(self, seen: Evidence, ceiling: float) -> Interval:
        """Return the expected value with its 90 % interval, none above `ceiling`."""
        value = self.value(seen)
        unit = self.unit(value, ceiling)
        low, middle, high = (
            round(min(v, ceiling), 4)
            for v in (value + self.low * unit, value, value + self.high * unit)
        )
        return Interval(middle, low, high)


class KindCalibration(Settings):
    """Planes for one sort of gap, and what they were fitted to."""

    psnr_db: Plane
    ssim: Plane
    n_scans: int
    """Draws of training scans, varied or as they came."""
    n_slices: int
    """Slices taken away from them."""


class Calibration(Settings):
    """Contents of `calibration.json`."""

    regular: KindCalibration
    adjacent: KindCalibration
    command: str

    def of(self, kind: GapKind) -> KindCalibration:
        """Return the planes for one sort of gap."""
        return self.regular if kind.is_regular else self.adjacent


@cache
def calibration() -> Calibration:
    """Read the calibration that ships with the package."""
    text = resources.files("medgan").joinpath("restoration", "calibration.json").read_text()
    return parse(Calibration, json.loads(text), "calibration.json")


def expect(
    trial: Trial, fraction: float, gap: Likeness, doubt: float
) -> tuple[Grade, Interval | None, Interval | None]:
    """Return grade, PSNR in dB and SSIM expected of a slice.

    Parameters
    ----------
    trial
        What came of hiding slices for this sort of gap; without scores nothing is claimed:
        `unknown`, None, None.
    fraction, gap, doubt
        As `evidence` takes them.
    """
    if not trial.scores:
        return "unknown", None, None
    seen_db, seen_ssim = evidence(trial.scores, fraction, gap, doubt)
    planes = calibration().of(trial.kind)
    psnr_db = planes.psnr_db.interval(seen_db, PERFECT_DB)
    ssim = planes.ssim.interval(seen_ssim, 1.0)
    return grade_of(ssim), psnr_db, ssim


def grade_of(ssim: Interval | None) -> Grade:
    """Put an expected similarity into a word."""
    if ssim is None:
        return "unknown"
    return "good" if ssim.value >= GOOD_SSIM else "fair" if ssim.value >= FAIR_SSIM else "poor"


def evidence(
    scores: Sequence[SliceScore], fraction: float, gap: Likeness, doubt: float
) -> tuple[Evidence, Evidence]:
    """Gather what can be seen, of PSNR in dB and of SSIM.

    Hidden slices count the more the nearer they lay to the same place in their holes: the middle
    of a gap is harder than its rims.

    Parameters
    ----------
    fraction
        Where in its gap the slice lies, 0..1.
    gap
        The rims of the gap compared.
    doubt
        Ambiguity of the fillers on the slice.
    """
    depth = min(fraction, 1 - fraction)
    distance = np.array([min(s.fraction, 1 - s.fraction) - depth for s in scores])
    weights = np.exp(-0.5 * (distance / NEAR) ** 2) + 1e-6
    weights /= weights.sum()

    def mean(values: Iterable[float]) -> float:
        return float(weights @ np.nan_to_num(list(values)))

    accord = _accord(doubt) - mean(_accord(s.ambiguity) for s in scores)
    in_db = Evidence(
        decibels(mean(s.made.mse for s in scores)),
        decibels(gap.mse) - mean(decibels(s.around.mse) for s in scores),
        accord,
    )
    in_ssim = Evidence(
        mean(s.made.ssim for s in scores),
        float(np.nan_to_num(gap.ssim)) - mean(s.around.ssim for s in scores),
        accord,
    )
    return in_db, in_ssim


def _accord(ambiguity: float) -> float:
    return decibels(max(ambiguity, AGREED))
