"""Measure on training scans how the error of filled slices follows from what can be seen before.

    python benchmarks/calibrate.py DATA [--model slices-faithful] [--limit 16] [--rows rows.json]
        > medgan/restoration/calibration.json

Every training scan loses slices by several protocols; the mixture fills them; a plane is fitted to
(hidden slices, rims of their holes, rims of the gap) -> true error, for thinned stacks and for
adjacent slices apart. Every data set counts the same, however many scans it has. Its tails are the
5th and 95th percentile of what is left. The network has seen these scans: hidden and true error
profit alike. `benchmarks/restoration.py` checks the result on scans that were in neither.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from known_scans import known_scans
from numpy.typing import NDArray
from pydantic import TypeAdapter
from restoration import block_takes

from medgan.restoration import RestoreSettings, hide_and_score, load_fillers
from medgan.restoration.expected import Calibration, Evidence, KindCalibration, Plane
from medgan.restoration.trial import PERFECT_DB
from medgan.restoration.truth import SlicePrediction

PROTOCOLS = ("x2", "x3", "x4", "gap1", "gap2", "gap3", "gap4", "gap6", "gap8")
N_BLOCKS = 3
"""Block gaps of one width in one scan; hidden windows of neighbouring blocks are much the same."""


def main() -> None:
    """Fit and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--limit", type=int, default=16, help="hippocampus scans")
    parser.add_argument("--rows", type=Path, help="JSON file of every slice; read if it is there")
    options = parser.parse_args()
    if options.rows and options.rows.is_file():
        slices = TypeAdapter(list[SlicePrediction]).validate_json(options.rows.read_text())
    else:
        slices = list(collect(options.data, options.model, options.limit))
        if options.rows:
            options.rows.write_text(json.dumps([asdict(each) for each in slices]))
    command = f"python benchmarks/calibrate.py DATA --model {options.model} --limit {options.limit}"
    table = Calibration(
        regular=fit([s for s in slices if s.kind.is_regular]),
        adjacent=fit([s for s in slices if not s.kind.is_regular]),
        command=command,
    )
    sys.stdout.write(json.dumps(table.model_dump(), indent=2) + "\n")


def collect(data: Path, model: str, limit: int) -> Iterator[SlicePrediction]:
    """Take slices away from training scans and yield what was seen and what came of it."""
    # One view of the network: more would help hidden and lost slices alike, at their cost.
    fillers = load_fillers(RestoreSettings(model=model, averaging=1))
    for is_home in (True, False):
        for scan in known_scans(data, "train", home=is_home, limit=limit if is_home else None):
            sys.stderr.write(f"{scan.id}\n")
            for protocol in PROTOCOLS:
                for taken in block_takes(protocol, scan.n_positions, N_BLOCKS):
                    if taken:
                        yield from hide_and_score(scan, taken, protocol, fillers).slices


def fit(slices: Sequence[SlicePrediction]) -> KindCalibration:
    """Fit both planes of one sort of gap."""
    balance = weights_of(slices)
    psnr_db = plane(
        [s.psnr_db for s in slices],
        [s.true_psnr_db for s in slices],
        balance,
        ceiling=PERFECT_DB,
        relative=False,
    )
    ssim = plane(
        [s.ssim for s in slices],
        [s.true_ssim for s in slices],
        balance,
        ceiling=1.0,
        relative=True,
    )
    return KindCalibration(
        psnr_db=psnr_db,
        ssim=ssim,
        n_scans=len({s.scan for s in slices}),
        n_slices=len(slices),
    )


def weights_of(slices: Sequence[SlicePrediction]) -> NDArray[np.float64]:
    """Return weights by which every data set and protocol counts the same."""
    groups = [(s.scan.split("/")[0], s.protocol) for s in slices]
    count = {group: groups.count(group) for group in set(groups)}
    weights = np.array([1 / count[group] for group in groups])
    return weights / weights.sum()


def plane(
    seen: Sequence[Evidence],
    true: Sequence[float],
    weights: NDArray[np.float64],
    *,
    ceiling: float,
    relative: bool,
) -> Plane:
    """Least squares, then the weighted tails of what is left."""
    A = np.array([[1.0, e.hidden, e.holes, e.gap] for e in seen])
    y = np.nan_to_num(np.array(true))
    root = np.sqrt(weights)
    found = np.linalg.lstsq(A * root[:, None], y * root, rcond=None)[0]
    offset, hidden, holes, gap = (round(float(c), 5) for c in found)
    fitted = Plane(
        offset=offset, hidden=hidden, holes=holes, gap=gap, low=0, high=0, relative=relative
    )
    values = [fitted.value(each) for each in seen]
    units = np.array([fitted.unit(value, ceiling) for value in values])
    rest = (y - np.array(values)) / units
    order = np.argsort(rest)
    reached = np.cumsum(weights[order])
    low, high = (float(rest[order][np.searchsorted(reached, share)]) for share in (0.05, 0.95))
    tails = {"low": round(min(low, 0.0), 5), "high": round(max(high, 0.0), 5)}
    return fitted.model_copy(update=tails)


if __name__ == "__main__":
    main()
