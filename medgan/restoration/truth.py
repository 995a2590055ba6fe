"""Estimates of slices scored against the slices that were taken away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.evaluation.fidelity import flicker, mae, mean_shift, psnr, sharpness, ssim, ssim_slices
from medgan.restoration.expected import Evidence
from medgan.restoration.hide import GapKind
from medgan.restoration.likeness import PERFECT_DB
from medgan.restoration.scale import PhysicalPlanes, measure, physical_planes
from medgan.scans import Scan


@dataclass(frozen=True)
class MethodScore:
    """How one method did on the slices a protocol took away.

    Parameters
    ----------
    psnr_db
        Over all voxels taken away; range P0.5..P99.5 of the complete scan, used for scoring only.
    ssim, sharpness, flicker
        Means over slices; sharpness and flicker are filled over true, flicker of slices with a
        measured one on both sides only (else NaN).
    mae, shift
        In the unit of the scan (HU for CT).
    weight
        Share in the mixture, mean over slices.
    """

    scan: str
    protocol: str
    method: str
    n_slices: int
    weight: float
    psnr_db: float
    ssim: float
    mae: float
    shift: float
    sharpness: float
    flicker: float


@dataclass(frozen=True)
class SlicePrediction:
    """What was expected of one slice before the truth was looked at, and what it came to.

    Parameters
    ----------
    kind
        Sort of its gap.
    psnr_db, ssim
        What could be seen.
    true_psnr_db, true_ssim
        Of the mixture against the slice that was taken away.
    """

    scan: str
    protocol: str
    position: int
    kind: GapKind
    psnr_db: Evidence
    ssim: Evidence
    true_psnr_db: float
    true_ssim: float


@dataclass(frozen=True)
class Truth:
    """Slices that were taken away, to score estimates against.

    Parameters
    ----------
    planes
        (n, h, w) the complete scan, in its unit.
    targets
        Positions taken away, none at an end.
    measured
        (n,) bool: slices of the complete scan that were measured.
    value_range
        P0.5..P99.5 of the complete scan.
    """

    scan: str
    protocol: str
    planes: PhysicalPlanes
    targets: tuple[int, ...]
    measured: NDArray[np.bool_]
    value_range: float

    @classmethod
    def of(cls, scan: Scan, protocol: str, targets: Sequence[int]) -> Self:
        """Take the truth from a complete scan."""
        planes = physical_planes(scan)
        width = measure(planes, scan.present).width
        return cls(scan.id, protocol, planes, tuple(targets), scan.truth, width)

    def score(self, method: str, weight: float, values: NDArray[np.float32]) -> MethodScore:
        """Score estimates of the targets (m, h, w), in the unit of the scan."""
        true = self.planes[list(self.targets)]
        steps = [
            flicker(filled, self.planes[p], self.planes[p - 1], self.planes[p + 1])
            for filled, p in zip(values, self.targets, strict=True)
            if self.measured[p - 1] and self.measured[p + 1]
        ]
        return MethodScore(
            scan=self.scan,
            protocol=self.protocol,
            method=method,
            n_slices=len(self.targets),
            weight=weight,
            psnr_db=min(psnr(values, true, self.value_range), PERFECT_DB),
            ssim=ssim_slices(values, true, self.value_range),
            mae=mae(values, true),
            shift=mean_shift(values, true),
            sharpness=sharpness(values, true),
            flicker=float(np.mean(steps)) if steps else math.nan,
        )

    def predicted(
        self,
        seen: tuple[Evidence, Evidence],
        kind: GapKind,
        position: int,
        filled: NDArray[np.float32],
    ) -> SlicePrediction:
        """Set what could be seen of one slice (h, w) beside what came of it."""
        psnr_db, similarity = seen
        true = self.planes[position]
        return SlicePrediction(
            scan=self.scan,
            protocol=self.protocol,
            position=position,
            kind=kind,
            psnr_db=psnr_db,
            ssim=similarity,
            true_psnr_db=min(psnr(filled, true, self.value_range), PERFECT_DB),
            true_ssim=ssim(filled, true, self.value_range),
        )
