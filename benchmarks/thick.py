"""Thin slices from simulated thick ones, by every candidate and the mixture, in one run.

    python benchmarks/thick.py DATA [--model slices-faithful] [--thinner slices-thick] [--limit 5]
        [--factors 2,3,4] [--role test] [--others] [--brief]

Prints Markdown. Hippocampus volumes along the third axis, or with --others all other scans along
theirs, cut to a multiple of S; a thick slice is the mean of S. PSNR over all voxels in the range
P0.5..P99.5 of the true volume; mean and SD over scans. Unless --brief, also what the mixture gains
by the network for thick slices, scan by scan. A method sees thick slices only.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from known_scans import known_scans

from medgan.data.splits import Part, crop_to_part
from medgan.evaluation.fidelity import psnr, ssim_slices
from medgan.interpolation import Filler
from medgan.interpolation.slabs import Slabs
from medgan.restoration import (
    NetThinner,
    RestoreSettings,
    load_fillers,
    load_thinner,
    thin_slices,
)
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.thick import USED, thin_by
from medgan.scans import Restack, Scan

BEFORE = "mixture without it"
LEAST = 5
"""Thick slices below which a scan is left out."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--thinner", default="slices-thick", help="name, folder or none")
    parser.add_argument("--limit", type=int, help="scans")
    parser.add_argument("--factors", type=lambda text: map(int, text.split(",")), default=(2, 3, 4))
    parser.add_argument("--role", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--brief", action="store_true", help="only what is used, and repeat")
    parser.add_argument("--others", action="store_true", help="all but the hippocampus volumes")
    options = parser.parse_args()
    fillers = load_fillers(RestoreSettings(model=options.model))
    thinners = [] if options.thinner == "none" else [load_thinner(options.thinner, None)]
    home = not options.others
    scans = list(known_scans(options.data, options.role, home=home, limit=options.limit))
    sys.stdout.write(f"{len(scans)} scans, {options.role}\n\n")
    sys.stdout.write("| S | method | n | PSNR, dB | SD | SSIM | over repeat, dB |\n")
    sys.stdout.write("|---|---|---|---|---|---|---|\n")
    for factor in options.factors:
        rows: dict[str, list[tuple[float, float]]] = {}
        for scan in scans:
            if scan.n_positions // factor < LEAST:
                continue
            for name, figures in scored(scan, factor, fillers, thinners, is_brief=options.brief):
                rows.setdefault(name, []).append(figures)
        base = np.mean([p for p, _ in rows["repeat"]])
        for name, both in rows.items():
            db, similarity = np.array(both).T
            sys.stdout.write(
                f"| {factor} | {name} | {len(db)} | {db.mean():.2f} | {db.std():.2f} | "
                f"{similarity.mean():.3f} | {db.mean() - base:+.2f} |\n"
            )
        if BEFORE in rows:
            gain = np.array(rows["mixture"])[:, 0] - np.array(rows[BEFORE])[:, 0]
            sys.stdout.write(
                f"| {factor} | its gain | {len(gain)} | {gain.mean():+.2f} | {gain.std():.2f} | | "
                f"least {gain.min():+.2f} |\n"
            )
        sys.stdout.flush()


def scored(
    scan: Scan,
    factor: int,
    fillers: Sequence[Filler],
    thinners: Sequence[NetThinner],
    *,
    is_brief: bool,
) -> Iterator[tuple[str, tuple[float, float]]]:
    """Yield PSNR and SSIM of every method on one scan."""
    n = scan.n_positions // factor
    scan = crop_to_part(scan, Part("test", range(n * factor)))
    true = np.asarray(physical_planes(scan))
    width = measure(physical_planes(scan), scan.present).width
    slabs = Slabs.of(n, factor)
    thick = thick_scan(scan, slabs.averaged(true), factor)
    planes = physical_planes(thick)
    scale = measure(planes, thick.present)
    stack = stack_of(thick, planes, scale, thick.present)

    def figures(made: np.ndarray) -> tuple[float, float]:
        return psnr(made, true, width), ssim_slices(made, true, width)

    yield "repeat", figures(np.repeat(planes, factor, axis=0))
    makers: list[Filler | NetThinner] = [*fillers, *thinners]
    for maker in () if is_brief else makers:
        if maker.name in USED or maker is fillers[-1] or maker in thinners:
            yield maker.name, figures(scale.undo(thin_by(maker, stack, slabs)))
    if thinners and not is_brief:
        result, _ = thin_slices(thick, factor, fillers)
        yield BEFORE, figures(np.moveaxis(result.values, result.axis, 0))
    result, _ = thin_slices(thick, factor, (*fillers, *thinners))
    yield "mixture", figures(np.moveaxis(result.values, result.axis, 0))


def thick_scan(scan: Scan, planes: np.ndarray, factor: int) -> Scan:
    """Return a scan of the slab averages, as thick as they are far apart."""
    n = len(planes)
    short = Restack(np.arange(n), n, float(factor))
    kept = crop_to_part(scan, Part("test", range(n)))
    stored = np.ascontiguousarray(np.moveaxis(planes, 0, scan.axis))
    return replace(
        kept,
        stored=stored,
        grid=short.grid(kept.grid, kept.axis),
        slope=np.ones(n),
        intercept=np.zeros(n),
    )


if __name__ == "__main__":
    main()
