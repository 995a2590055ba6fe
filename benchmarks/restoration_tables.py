"""Cells of the restoration benchmark as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from medgan.record import Interval
from medgan.restoration.expected import calibration
from medgan.restoration.likeness import PERFECT_DB
from medgan.restoration.truth import MethodScore, SlicePrediction

LOST = 0.0
"""dB below which a cell counts as lost."""

ORACLE = "best classical (oracle)"
NO_CANDIDATE = "whole_spline"


@dataclass(frozen=True)
class ScanResult:
    """All that the benchmark measured on one scan.

    Parameters
    ----------
    group
        `hippocampus` or `unseen`.
    methods
        One cell for every protocol and method.
    slices
        What was expected of every slice the mixture filled, and what came of it.
    """

    group: str
    scan: str
    methods: tuple[MethodScore, ...]
    slices: tuple[SlicePrediction, ...]


def page(results: Sequence[ScanResult], fillers: Sequence[str]) -> str:
    """Return the tables of every group of scans."""
    classical = [*(f for f in fillers if not f.startswith("slices")), NO_CANDIDATE]
    parts = []
    for group in dict.fromkeys(result.group for result in results):
        chosen = [result for result in results if result.group == group]
        cells = Cells([score for result in chosen for score in result.methods], classical)
        parts += [f"## {group}\n", cells.figures(), cells.gains()]
        parts.append(expected([each for result in chosen for each in result.slices]))
    return "\n".join(parts)


class Cells:
    """PSNR and SSIM by protocol, method and scan.

    Parameters
    ----------
    classical
        Methods the oracle may choose from, scan by scan, with the truth before it.
    """

    def __init__(self, scores: Sequence[MethodScore], classical: Sequence[str]) -> None:
        self.protocols = list(dict.fromkeys(s.protocol for s in scores))
        self.methods = list(dict.fromkeys(s.method for s in scores))
        self.classical = [m for m in self.methods if m in classical]
        self.cells = {(s.protocol, s.method, s.scan): s for s in scores}
        self.scans = {
            p: list(dict.fromkeys(s.scan for s in scores if s.protocol == p))
            for p in self.protocols
        }

    def psnr(self, protocol: str, method: str) -> NDArray[np.float64]:
        """Return dB per scan; of the oracle the best classical method of each."""
        scans = self.scans[protocol]
        if method == ORACLE:
            return np.max([self.psnr(protocol, m) for m in self.classical], axis=0)
        return np.array([self.cells[protocol, method, scan].psnr_db for scan in scans])

    def ssim(self, protocol: str, method: str) -> NDArray[np.float64]:
        """Return SSIM per scan."""
        return np.array([self.cells[protocol, method, s].ssim for s in self.scans[protocol]])

    def figures(self) -> str:
        """Return means over scans with their SD."""
        rows = []
        for method in self.methods:
            row = [method]
            for p in self.protocols:
                db = self.psnr(p, method)
                row.append(f"{db.mean():.2f}+-{db.std():.2f} / {self.ssim(p, method).mean():.3f}")
            rows.append(row)
        counts = [f"{p} (n={len(self.scans[p])})" for p in self.protocols]
        return table(["PSNR dB +- SD / SSIM", *counts], rows)

    def gains(self) -> str:
        """Return paired gains of whatever is no classical method, with losses."""
        rows = []
        for method in (m for m in self.methods if m not in self.classical):
            for rival in ("linear", NO_CANDIDATE, "symmetric_flow", ORACLE):
                by_protocol = [self.psnr(p, method) - self.psnr(p, rival) for p in self.protocols]
                row = [f"{method} - {rival}", *map(_gain, by_protocol)]
                rows.append([*row, _gain(np.concatenate(by_protocol))])
        return table(["paired gain (lost, worst)", *self.protocols, "all cells"], rows)


def _gain(gain: NDArray[np.float64]) -> str:
    lost = int((gain < LOST).sum())
    return f"{gain.mean():+.2f}+-{gain.std():.2f} ({lost}/{gain.size}, {gain.min():+.2f})"


def expected(slices: Sequence[SlicePrediction]) -> str:
    """Return how the expected error of the mixture compares with the true one."""
    rows = []
    protocols = list(dict.fromkeys(s.protocol for s in slices))
    for name in [*protocols, "all"]:
        chosen = [s for s in slices if name in (s.protocol, "all")]
        if len(chosen) >= 3:
            rows.append([name, str(len(chosen)), *agreement(chosen)])
    columns = ["bias", "rank of slices / scans", "in 90 % interval"]
    return table(
        ["expected error", "slices", *(f"{name}: {c}" for name in ("dB", "SSIM") for c in columns)],
        rows,
    )


def agreement(slices: Sequence[SlicePrediction]) -> list[str]:
    """Return bias, rank correlation and coverage, of PSNR and of SSIM."""
    table_ = calibration()
    in_db = [table_.of(s.kind).psnr_db.interval(s.psnr_db, PERFECT_DB) for s in slices]
    in_ssim = [table_.of(s.kind).ssim.interval(s.ssim, 1.0) for s in slices]
    return [
        *_agreement(slices, in_db, [s.true_psnr_db for s in slices]),
        *_agreement(slices, in_ssim, [s.true_ssim for s in slices]),
    ]


def _agreement(
    slices: Sequence[SlicePrediction], spans: Sequence[Interval], truth: Sequence[float]
) -> list[str]:
    said, true = np.array([span.value for span in spans]), np.array(truth)
    inside = np.mean([a.low <= t <= a.high for a, t in zip(spans, truth, strict=True)])
    rank = spearmanr(said, true).statistic
    cells = per_scan_rank(slices, said, true)
    return [f"{(said - true).mean():+.2f}", f"{rank:.2f} / {cells:.2f}", f"{100 * inside:.0f} %"]


def per_scan_rank(
    slices: Sequence[SlicePrediction], said: NDArray[np.float64], truth: NDArray[np.float64]
) -> float:
    """Return Spearman's rank correlation of means per scan and protocol."""
    cells: dict[tuple[str, str], list[int]] = {}
    for n, s in enumerate(slices):
        cells.setdefault((s.scan, s.protocol), []).append(n)
    if len(cells) < 3:
        return float("nan")
    pairs = [(said[i].mean(), truth[i].mean()) for i in cells.values()]
    return float(spearmanr(*zip(*pairs, strict=True)).statistic)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
