"""The plane from what can be seen of filled slices to their error, fitted and tried on others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

import numpy as np
from known_scans import HOME
from numpy.typing import NDArray
from scipy.stats import spearmanr

from medgan.restoration.expected import Evidence, KindCalibration, Regression
from medgan.restoration.likeness import PERFECT_DB
from medgan.restoration.truth import SlicePrediction

Floats = NDArray[np.float64]

HOME_SHARE = 0.5
"""Weight of the hippocampus scans."""
N_FOLDS = 5
FORCE_DB, FORCE_SSIM = 1.5, 0.045
"""What is left beyond this pulls no harder than this."""
N_ROUNDS = 12
RIDGE = 1e-4
"""Of the mean square of each regressor."""


@dataclass(frozen=True)
class Slices:
    """One quantity of many slices: what was seen (n, e), what was true (n,), and of what source.

    Parameters
    ----------
    parts
        (n,) what is left out at once: a source, or a fold of the hippocampus scans.
    force
        See `FORCE_DB`.
    """

    seen: Floats
    true: Floats
    sources: NDArray[np.str_]
    protocols: NDArray[np.str_]
    parts: NDArray[np.str_]
    ceiling: float
    relative: bool
    force: float

    @classmethod
    def of(
        cls,
        slices: Sequence[SlicePrediction],
        quantity: Callable[[SlicePrediction], tuple[Evidence, float]],
        *,
        ceiling: float,
        relative: bool,
        force: float,
    ) -> Slices:
        """Gather one quantity."""
        pairs = [quantity(each) for each in slices]
        sources = [s.scan.split("/")[0] for s in slices]
        # Draws of one person stay together.
        persons = [s.scan.split("/draw")[0] for s in slices]
        fold = {person: n % N_FOLDS for n, person in enumerate(sorted(set(persons)))}
        parts = [
            f"{source} {fold[person]}" if source == HOME else source
            for source, person in zip(sources, persons, strict=True)
        ]
        return cls(
            seen=np.array([astuple(e) for e, _ in pairs]),
            true=np.nan_to_num([true for _, true in pairs]),
            sources=np.array(sources),
            protocols=np.array([s.protocol for s in slices]),
            parts=np.array(parts),
            ceiling=ceiling,
            relative=relative,
            force=force,
        )

    def where(self, chosen: NDArray[np.bool_]) -> Slices:
        """Return some of them."""
        arrays = ("seen", "true", "sources", "protocols", "parts")
        return replace(self, **{name: getattr(self, name)[chosen] for name in arrays})

    @property
    def weights(self) -> Floats:
        """Weights by which home counts as much as the rest, and every source and protocol alike."""
        groups = np.char.add(np.char.add(self.sources, " "), self.protocols)
        _, index, count = np.unique(groups, return_inverse=True, return_counts=True)
        weights = 1 / count[index]
        home = self.sources == HOME
        for half, share in ((home, HOME_SHARE), (~home, 1 - HOME_SHARE)):
            weights[half] *= share / max(weights[half].sum(), 1e-9)
        return np.asarray(weights / weights.sum())

    def expected_by(self, plane: Regression) -> Floats:
        """Return what a plane expects."""
        values = plane.offset + self.seen @ np.array(astuple(plane.weights))
        return np.minimum(values, self.ceiling)

    def left_by(self, plane: Regression) -> Floats:
        """Return true - expected, in the unit of the tails."""
        values = self.expected_by(plane)
        units = [plane.unit(value, self.ceiling) for value in values]
        return np.asarray((self.true - values) / np.array(units))


def fit(slices: Sequence[SlicePrediction], name: str) -> KindCalibration:
    """Fit both planes of one sort of gap, and say how they do on scans they have not met."""
    in_db = Slices.of(
        slices,
        lambda s: (s.psnr_db, s.true_psnr_db),
        ceiling=PERFECT_DB,
        relative=False,
        force=FORCE_DB,
    )
    in_ssim = Slices.of(
        slices, lambda s: (s.ssim, s.true_ssim), ceiling=1.0, relative=True, force=FORCE_SSIM
    )
    for quantity, each in (("PSNR", in_db), ("SSIM", in_ssim)):
        for line in left_out(each):
            sys.stderr.write(f"{name} {quantity}, {line}\n")
    return KindCalibration(
        psnr_db=with_tails(in_db),
        ssim=with_tails(in_ssim),
        n_scans=len({s.scan for s in slices}),
        n_slices=len(slices),
    )


def left_out(slices: Slices) -> Iterator[str]:
    """Say of every part how well it was told by planes and tails that have not met it."""
    expected, inside = np.zeros(len(slices.true)), np.zeros(len(slices.true), bool)
    for part in np.unique(slices.parts):
        mine = slices.parts == part
        plane = with_tails(slices.where(~mine))
        left = slices.where(mine).left_by(plane)
        expected[mine] = slices.where(mine).expected_by(plane)
        inside[mine] = (plane.low <= left) & (left <= plane.high)
    for source in np.unique(slices.sources):
        for protocol in np.unique(slices.protocols) if source == HOME else ("",):
            mine = (slices.sources == source) & np.char.startswith(slices.protocols, protocol)
            if mine.sum() > 2:
                bias = float(np.mean((expected - slices.true)[mine]))
                rank = spearmanr(expected[mine], slices.true[mine]).statistic
                yield (
                    f"{source} {protocol} left out: bias {bias:+.3f}, rank {rank:.2f}, "
                    f"{inside[mine].mean():.0%} of {mine.sum()} inside"
                )
    yield f"all: {np.sum(slices.weights * inside):.0%} inside"


def with_tails(slices: Slices) -> Regression:
    """Fit a plane; its tails are what is left on each part by a plane fitted to the others."""
    left = np.zeros(len(slices.true))
    for part in np.unique(slices.parts):
        mine = slices.parts == part
        left[mine] = slices.where(mine).left_by(plane_of(slices.where(~mine)))
    order = np.argsort(left)
    reached = np.cumsum(slices.weights[order])
    low, high = (float(left[order][np.searchsorted(reached, share)]) for share in (0.05, 0.95))
    tails = {"low": round(min(low, 0.0), 5), "high": round(max(high, 0.0), 5)}
    return plane_of(slices).model_copy(update=tails)


def plane_of(slices: Slices) -> Regression:
    """Weighted least squares with Huber's limit on outliers, by repeated weighing."""
    middle = np.average(slices.seen, axis=0, weights=slices.weights)
    A = np.column_stack([np.ones(len(slices.true)), slices.seen - middle])
    squares = np.average(A**2, axis=0, weights=slices.weights)
    ridge = np.diag([0.0, *(RIDGE * squares[1:] + 1e-12)])
    pull = np.ones(len(slices.true))
    for _ in range(N_ROUNDS):
        weighed = A * (slices.weights * pull)[:, None]
        found = np.linalg.solve(A.T @ weighed + ridge, weighed.T @ slices.true)
        left = np.abs(slices.true - A @ found)
        pull = np.minimum(1, slices.force / np.maximum(left, 1e-9))
    offset = round(float(found[0] - found[1:] @ middle), 5)
    weights = Evidence(*(round(float(c), 5) for c in found[1:]))
    return Regression(offset=offset, weights=weights, low=0, high=0, relative=slices.relative)
