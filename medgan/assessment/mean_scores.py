"""Scores of many scans, averaged for a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from medgan.restoration.truth import MethodScore


def mean_scores(scores: Sequence[MethodScore]) -> list[dict[str, Any]]:
    """Average over scans: one row per protocol and method, in the order they came."""
    groups: dict[tuple[str, str], list[MethodScore]] = {}
    for score in scores:
        groups.setdefault((score.protocol, score.method), []).append(score)
    figures = ("psnr_db", "ssim", "mae", "shift", "sharpness", "flicker", "weight")
    return [
        {
            "protocol": protocol,
            "method": method,
            "n_scans": len(group),
            **{name: _finite_mean([getattr(s, name) for s in group]) for name in figures},
        }
        for (protocol, method), group in groups.items()
    ]


def _finite_mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if np.isfinite(value)]
    return float(np.mean(finite)) if finite else None
