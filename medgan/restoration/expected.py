"""How wrong a filled slice is expected to be: hidden-slice scores, calibrated on other scans.

The raw score is badly biased: slices that can be hidden leave wider holes than the real ones in a
thinned stack, and lie elsewhere. Most of that is told by what a filled slice shows of its error
(`signs`), here and on the hidden ones. `calibration.json` holds, for thinned and for adjacent
slices apart, what became of the score in the light of these, and how far single slices strayed from
it, measured on training scans by `benchmarks/calibrate.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from importlib import resources

import numpy as np
from pydantic import Field

from medgan.record import Grade, Interval
from medgan.restoration.hide import GapKind
from medgan.restoration.likeness import PERFECT_DB, decibels
from medgan.restoration.signs import Signs
from medgan.restoration.trial import SliceScore, Trial
from medgan.settings import Settings, parse

GOOD_SSIM, FAIR_SSIM = 0.90, 0.75
"""Expected similarity from which a filled slice is called good, or fair. A convention, not a
clinical threshold."""

NEAR = 0.1
"""Hidden slices so far from the place in question, as a share of the gap, count 60 %."""

ALONG = 1 / 6
"""Hidden slices so far away, as a share of the stack, count 37 %."""

FARTHEST_DB = 8.0
"""Differences between gap and holes beyond this count as this: near blank slices they know no
bounds."""

LEAST_SHARE = 0.02
"""Of the ceiling: nothing is expected to be surer than that."""


@dataclass(frozen=True)
class Evidence:
    """What can be seen of one quantity (PSNR in dB, or SSIM) before the truth is looked at.

    All but the first two are of the filled slice, less the same of the hidden ones.

    Parameters
    ----------
    hidden
        Hidden slices at a like place of their holes, against what was made of them.
    alone
        What would come of the slice if nothing were wrong but the texture that it lacks.
    texture
        `alone`, here less there.
    rims
        The slices on either side, one against the other.
    flow
        The slice against what optical flow makes of its rims.
    centre
        How far it lies from the middle of the stack: 0 there, 1 at the ends.
    """

    hidden: float
    alone: float
    texture: float
    rims: float
    flow: float
    centre: float


class Regression(Settings):
    """true = offset + weights * evidence, and the 5 % tails of what is left.

    The tails are those on sources that the plane was not fitted to, so that they hold what differs
    from source to source.
    """

    offset: float
    weights: Evidence
    low: float = Field(le=0)
    """5th percentile of true - expected."""
    high: float = Field(ge=0)
    """95th percentile of true - expected."""
    relative: bool = False
    """Whether the tails grow with the square root of what the expected value lacks of the ceiling:
    SSIM strays the less the nearer it comes to 1."""

    def value(self, seen: Evidence) -> float:
        """Return the expected value."""
        return self.offset + float(np.dot(astuple(self.weights), astuple(seen)))

    def unit(self, value: float, ceiling: float) -> float:
        """Return the unit of the tails at an expected value."""
        return math.sqrt(max(ceiling - value, LEAST_SHARE * ceiling)) if self.relative else 1.0

    def interval(self, seen: Evidence, ceiling: float) -> Interval:
        """Return the expected value with its 90 % interval, none above `ceiling`."""
        value = min(self.value(seen), ceiling)
        unit = self.unit(value, ceiling)
        low, middle, high = (
            round(min(v, ceiling), 4)
            for v in (value + self.low * unit, value, value + self.high * unit)
        )
        return Interval(middle, low, high)


class KindCalibration(Settings):
    """Planes for one sort of gap, and what they were fitted to."""

    psnr_db: Regression
    ssim: Regression
    n_scans: int
    """Draws of training scans, varied or as they came."""
    n_slices: int
    """Slices taken away from them."""


class Calibration(Settings):
    """Contents of `calibration.json`."""

    regular: KindCalibration
    adjacent: KindCalibration
    weights_sha256: str = Field(pattern=r"^([0-9a-f]{64})?$")
    """Hash of the weights of the network that was among the candidates; empty: none was. For
    another network the planes are a guess: see `used_model.uncalibrated`."""
    command: str

    def of(self, kind: GapKind) -> KindCalibration:
        """Return the planes for one sort of gap."""
        return self.regular if kind.is_regular else self.adjacent


@cache
def calibration() -> Calibration:
    """Read the calibration that ships with the package."""
    text = resources.files("medgan").joinpath("restoration", "calibration.json").read_text()
    return parse(Calibration, json.loads(text), "calibration.json")


def expect(trial: Trial, signs: Signs) -> tuple[Grade, Interval | None, Interval | None]:
    """Return grade, PSNR in dB and SSIM expected of a slice.

    Parameters
    ----------
    trial
        What came of hiding slices for this sort of gap; without scores nothing is claimed:
        `unknown`, None, None.
    signs
        What can be seen of the slice.
    """
    if not trial.scores:
        return "unknown", None, None
    seen_db, seen_ssim = evidence(trial.scores, signs)
    planes = calibration().of(trial.kind)
    psnr_db = planes.psnr_db.interval(seen_db, PERFECT_DB)
    ssim = planes.ssim.interval(seen_ssim, 1.0)
    return grade_of(ssim), psnr_db, ssim


def grade_of(ssim: Interval | None) -> Grade:
    """Put an expected similarity into a word."""
    if ssim is None:
        return "unknown"
    return "good" if ssim.value >= GOOD_SSIM else "fair" if ssim.value >= FAIR_SSIM else "poor"


def evidence(scores: Sequence[SliceScore], signs: Signs) -> tuple[Evidence, Evidence]:
    """Gather what can be seen of a slice, of its PSNR in dB and of its SSIM.

    Hidden slices count the more the nearer they lay to the same place in their holes, since the
    middle of a gap is harder than its rims, and the nearer in the stack.
    """
    away = np.array([(_depth(s.signs) - _depth(signs)) / NEAR for s in scores])
    along = np.array([abs(s.signs.place - signs.place) / ALONG for s in scores])
    weights = (np.exp(-0.5 * away**2) + 1e-6) * np.exp(-along)
    weights /= weights.sum()

    def mean(values: list[float]) -> float:
        return float(weights @ np.nan_to_num(values))

    def less(sign: Callable[[Signs], float]) -> float:
        """Of the slice, less the same of the hidden ones."""
        return float(np.nan_to_num(sign(signs))) - mean([sign(s.signs) for s in scores])

    def less_db(squares: Callable[[Signs], float]) -> float:
        found = less(lambda each: decibels(squares(each)))
        return float(np.clip(found, -FARTHEST_DB, FARTHEST_DB))

    centre = less(_off_centre)
    in_db = Evidence(
        hidden=mean([decibels(s.made.mse) for s in scores]),
        alone=decibels(signs.lost),
        texture=less_db(lambda each: each.lost),
        rims=less_db(lambda each: each.rims.mse),
        flow=less_db(lambda each: each.flow.mse),
        centre=centre,
    )
    in_ssim = Evidence(
        hidden=mean([s.made.ssim for s in scores]),
        alone=float(np.nan_to_num(signs.kept)),
        texture=less(lambda each: each.kept),
        rims=less(lambda each: each.rims.ssim),
        flow=less(lambda each: each.flow.ssim),
        centre=centre,
    )
    return in_db, in_ssim


def _depth(signs: Signs) -> float:
    return min(signs.fraction, 1 - signs.fraction)


def _off_centre(signs: Signs) -> float:
    return abs(2 * signs.place - 1)
