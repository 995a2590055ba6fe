"""What adapting the network to each scan is worth, on scans that were never trained on.

    python benchmarks/adaptation.py DATA [--model slices-faithful] [--effort 30s]
        [--protocols x2,gap1,gap4] [--groups hippocampus,unseen] [--limit 10]

Every cell fills the same slices twice, by the mixture with and without the adapted network. Unseen
scans are cut to 33 slices of 96 x 96 pixels from their middle; block gaps lie in the middle. PSNR
over all voxels taken away, range of the complete scan; one view of the network. A scan that is
left alone (a thinned one, or one too short) gains 0 and counts.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from known_scans import known_scans
from restoration import GROUPS

from medgan.interpolation import Filler
from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of
from medgan.restoration.adapt import AdaptedFiller, with_adapted
from medgan.restoration.hide import interior_gaps
from medgan.restoration.scale import physical_planes
from medgan.scans import Grid, Scan

SIDE, N_SLICES = 96, 33


def main() -> None:
    """Run and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name or folder")
    parser.add_argument("--effort", default="30s", help="30s: so long; 100: so many steps")
    parser.add_argument("--limit", type=int, default=10, help="scans per group")
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("gap1", "gap4"))
    parser.add_argument("--groups", type=lambda text: text.split(","), default=GROUPS)
    options = parser.parse_args()
    fillers = load_fillers(RestoreSettings(model=options.model, averaging=1))
    columns = "scan | protocol | without | with | gain dB | weight | steps"
    sys.stdout.write(f"| {columns} |\n|{'---|' * 7}\n")
    gains = []
    for group in options.groups:
        is_home = group == GROUPS[0]
        for scan in known_scans(options.data, "test", home=is_home, limit=options.limit):
            for protocol in options.protocols:
                before, after, weight, steps = cell(
                    scan if is_home else middle_of(scan), protocol, fillers, options.effort
                )
                gains.append(after - before)
                figures = f"{before:.2f} | {after:.2f} | {after - before:+.3f} | {weight:.2f}"
                sys.stdout.write(f"| {scan.id} | {protocol} | {figures} | {steps} |\n")
                sys.stdout.flush()
    found = np.array(gains)
    sys.stdout.write(
        f"\nn = {found.size}: mean {found.mean():+.3f}, worst {found.min():+.3f}, "
        f"below -0.05: {int((found < -0.05).sum())}\n"
    )


def cell(
    scan: Scan, protocol: str, fillers: Sequence[Filler], effort: str
) -> tuple[float, float, float, int]:
    """Return PSNR without and with the candidate, its weight, and its steps (0: left alone)."""
    taken = positions_of(protocol, scan.n_positions)
    holed = scan.without(taken)
    gaps = interior_gaps(holed.present)
    competing, _ = with_adapted(fillers, holed, physical_planes(holed), gaps, effort)
    before = hide_and_score(scan, taken, protocol, fillers).methods[0].psnr_db
    candidate = competing[-1]
    if not isinstance(candidate, AdaptedFiller):
        return before, before, 0.0, 0
    methods = hide_and_score(scan, taken, protocol, competing).methods
    return before, methods[0].psnr_db, methods[-1].weight, candidate.steps


def middle_of(scan: Scan) -> Scan:
    """Cut a scan to its middle, slices along the third axis."""
    stored = np.moveaxis(scan.stored, scan.axis, 2)
    within = [side for axis, side in enumerate(scan.spacing_mm) if axis != scan.axis]
    wanted = (SIDE, SIDE, N_SLICES)
    starts = [max(0, (n - want) // 2) for n, want in zip(stored.shape, wanted, strict=True)]
    rows, columns, slices = (slice(a, a + d) for a, d in zip(starts, wanted, strict=True))
    cut = np.ascontiguousarray(stored[rows, columns, slices])
    sides = (*within, scan.spacing_mm[scan.axis], 1.0)
    return replace(
        scan,
        stored=cut,
        grid=Grid(cut.shape, np.diag(sides)),
        axis=2,
        present=scan.present[slices],
        synthetic=scan.synthetic[slices],
        slope=scan.slope[slices],
        intercept=scan.intercept[slices],
        instances=(),
    )


if __name__ == "__main__":
    main()
