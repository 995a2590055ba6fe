"""Measure how well slices beyond the ends and boxes inside slices are made, and foretold.

    python benchmarks/ends_and_regions.py DATA [--limit 20] [--role test] [--others]

Prints Markdown. Hippocampus volumes along the third axis, or whole scans of the others whose four
outermost slices hold something. Ends: the k outermost slices of one end are taken away, at one end
and then at the other. Regions: a box of 8 x 10 x 8 voxels at a random place (seed: number of the
scan). PSNR in the range P0.5..P99.5 of the true volume, over the slices or voxels taken away; mean
and SD over scans. `told`: expected minus true, and how often the 90 % interval holds the truth.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from known_scans import known_scans

from medgan.evaluation.fidelity import psnr, ssim
from medgan.interpolation import extrapolators
from medgan.record import Interval
from medgan.restoration import RestoreSettings, fill_region, restore_scan
from medgan.restoration.ends import PSNR_TAILS, SSIM_TAILS
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.scans import Scan

BOX = (8, 10, 8)

Told = list[tuple[Interval, float, float]]
"""Expected and true PSNR, and true less expected SSIM."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--limit", type=int, help="scans")
    parser.add_argument("--role", default="test", choices=("train", "test"))
    parser.add_argument("--others", action="store_true", help="all scans but hippocampus crops")
    options = parser.parse_args()
    home = not options.others
    scans = list(known_scans(options.data, options.role, home=home, limit=options.limit))
    scans = [scan for scan in scans if home or has_ends(scan)]
    sys.stdout.write(
        f"{len(scans)} scans, {options.role}, {'hippocampus' if home else 'others'}\n\n"
    )
    sys.stdout.write("| task | method | PSNR, dB | SD | told |\n|---|---|---|---|---|\n")
    all_told: Told = []
    for length in (1, 2, 4):
        rows, told = ends(scans, length)
        print_rows(f"end{length}", rows, told)
        all_told += told
    print_rows("box", *boxes(scans))
    print_tails(all_told)


def has_ends(scan: Scan) -> bool:
    """Whether the outermost slices hold structure in most of their area."""
    outer = [scan.slice(p) for p in (*range(4), *range(-4, 0))]
    return all(np.mean(plane != np.median(plane)) > 0.5 for plane in outer)


def print_rows(task: str, rows: dict[str, list[float]], told: Told) -> None:
    """Print one task; what was told belongs to the method used, the first row."""
    off = np.array([expected.value - true for expected, true, *_ in told])
    inside = np.mean([expected.low <= true <= expected.high for expected, true, *_ in told])
    words = f"{off.mean():+.2f} +- {off.std():.2f} dB, {100 * inside:.0f} % of {len(told)}"
    for method, figures in rows.items():
        sys.stdout.write(
            f"| {task} | {method} | {np.mean(figures):.2f} | {np.std(figures):.2f} | {words} |\n"
        )
        words = ""


def print_tails(told: Told) -> None:
    """Print what `medgan/restoration/ends.py` holds: true figures less the mean of hidden ones."""
    true = np.array([true - expected.value for expected, true, *_ in told])
    similar = np.array([similar for *_, similar in told])
    for name, off, tails in (("PSNR", true, PSNR_TAILS), ("SSIM", similar, SSIM_TAILS)):
        raw = off + tails.middle  # less the mean of hidden ones
        low, high = np.percentile(raw, [5, 95])
        sys.stdout.write(f"\n{name} tails: {raw.mean():.3f}, {low:.3f}, {high:.3f} of {len(raw)}\n")


def ends(scans: list[Scan], length: int) -> tuple[dict[str, list[float]], Told]:
    """Take slices away at either end of every scan."""
    rows: dict[str, list[float]] = {"mixture": []}
    told: Told = []
    for scan in scans:
        planes = physical_planes(scan)
        width = measure(planes, scan.present).width
        n = scan.n_positions
        for gone in (list(range(length)), list(range(n - length, n))):
            holed = scan.without(gone)
            out, record = restore_scan(holed, RestoreSettings(fill_ends=True, model="none"), ())
            made = np.moveaxis(out.values, scan.axis, 0)
            rows["mixture"].append(psnr(made[gone], planes[gone], width))
            for one in record.filled:
                if one.psnr_db:
                    made_one, true_one = made[one.position], planes[one.position]
                    true = psnr(made_one, true_one, width)
                    similar = ssim(made_one, true_one, width) - one.ssim.value
                    told.append((one.psnr_db, true, similar))
            scale = measure(planes, holed.present)
            stack = stack_of(holed, planes, scale, holed.present)
            for method in extrapolators():
                estimate = scale.undo(method.fill(stack, gone))
                rows.setdefault(method.name, []).append(psnr(estimate, planes[gone], width))
    return rows, told


def boxes(scans: list[Scan]) -> tuple[dict[str, list[float]], Told]:
    """Take one box out of every scan."""
    rows: dict[str, list[float]] = {"harmonic": [], "mean of scan": []}
    told: Told = []
    for number, scan in enumerate(scans):
        draw = np.random.default_rng(number)
        if min(np.subtract(scan.grid.shape, BOX)) < 2:
            continue
        corner = [int(draw.integers(1, n - b)) for n, b in zip(scan.grid.shape, BOX, strict=True)]
        marked = np.zeros(scan.grid.shape, bool)
        marked[tuple(slice(c, c + b) for c, b in zip(corner, BOX, strict=True))] = True
        values = scan.values
        width = float(np.ptp(np.percentile(values, [0.5, 99.5])))
        out, record = fill_region(scan, marked, force=True)
        true = psnr(out.values[marked], values[marked], width)
        rows["harmonic"].append(true)
        flat = np.full(int(marked.sum()), values[~marked].mean(), np.float32)
        rows["mean of scan"].append(psnr(flat, values[marked], width))
        if record.regions[0].psnr_db:
            told.append((record.regions[0].psnr_db, true, np.nan))
    return rows, told


if __name__ == "__main__":
    main()
