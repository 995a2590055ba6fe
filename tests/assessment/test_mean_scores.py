"""Averages over scans, by hand."""

from __future__ import annotations

import math

from medgan.assessment.mean_scores import mean_scores
from medgan.restoration.truth import MethodScore


def score(scan: str, protocol: str, method: str, psnr_db: float) -> MethodScore:
    return MethodScore(
        scan, protocol, method, n_slices=1, weight=0.5, psnr_db=psnr_db, ssim=math.nan, mae=1,
        shift=0, sharpness=1, flicker=1,
    )  # fmt: skip


def test_scans_are_averaged_by_protocol_and_method_in_the_order_they_came() -> None:
    rows = mean_scores(
        [score("a", "x2", "m", 20), score("a", "x2", "n", 10), score("b", "x2", "m", 30)]
    )
    assert [(row["method"], row["n_scans"], row["psnr_db"]) for row in rows] == [
        ("m", 2, 25),
        ("n", 1, 10),
    ]


def test_a_figure_that_no_scan_has_is_none() -> None:
    (row,) = mean_scores([score("a", "x2", "m", math.nan)])
    assert row["psnr_db"] is None
    assert row["weight"] == 0.5
