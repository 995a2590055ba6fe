"""Hounsfield units and texture of filled CT slices, on scans that were never trained on.

    python benchmarks/ct_values.py DATA [--model slices-faithful] [--texture 0.5]
        [--protocols x2,gap1] [--blocks 8]

Whole slices of `ct_body_jpeg2000_dicom` and of the held-out half of `ct_abdomen_dicom`. The mean of
filled - true (bias, HU) over voxels that are truly above -500 HU, over those that are so in the
filled slice, over those that are so in both, and over the whole slice: voxels chosen by their true
value happen to be high there, so that any estimate with an error is biased low on them, above all
where tissue and air trade places; on voxels chosen by the filled value it is biased high. Over
voxels that are truly above -500 HU also the mean absolute error, and the standard deviation of the
filled values over that of the true ones. Texture is the ratio of standard deviations of what a
5 x 5 mean leaves: the fine grain that smoothing takes away. Every slice taken away counts the same.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from known_scans import known_scans
from numpy.typing import NDArray
from restoration import block_takes
from scipy.ndimage import uniform_filter

from medgan.interpolation import Filler
from medgan.restoration import RestoreSettings, load_fillers
from medgan.restoration.fill import trials_of
from medgan.restoration.hide import interior_gaps, kind_of
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.scans import Scan

TISSUE_HU = -500.0
"""Voxels below are air, lung or couch."""

SHOWN = ("mixture", "linear", "symmetric_flow")
"""Beside the network."""


class Figures(NamedTuple):
    """Of one slice, or their mean: four biases and an error in HU, two ratios."""

    bias_true: float
    bias_filled: float
    bias_both: float
    bias_whole: float
    mae: float
    sd: float
    texture: float


def main() -> None:
    """Run and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="name, folder or none")
    parser.add_argument("--texture", type=float, default=0.0, help="0 faithful, 1 natural")
    parser.add_argument("--averaging", type=int, help="views of the network; by size if not given")
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("x2", "gap1"))
    parser.add_argument("--blocks", type=int, default=8, help="block gaps per scan")
    options = parser.parse_args()
    settings = RestoreSettings(
        model=options.model, texture=options.texture, averaging=options.averaging
    )
    fillers = load_fillers(settings)
    columns = (
        "scan | protocol | method | slices | bias HU: truly tissue | filled as tissue | both "
        "| whole slice | MAE HU | SD ratio | texture"
    )
    sys.stdout.write(f"| {columns} |\n|{'---|' * 11}\n")
    for scan in known_scans(options.data, "test", home=False, limit=None):
        if scan.modality != "ct":
            continue
        for protocol in options.protocols:
            for method, figures in rows(scan, protocol, fillers, options.blocks).items():
                mean = Figures(*np.mean(figures, axis=0))
                biases = " | ".join(f"{bias:+.2f}" for bias in mean[:4])
                sys.stdout.write(
                    f"| {scan.id.split('/')[0]} | {protocol} | {method} | {len(figures)} "
                    f"| {biases} | {mean.mae:.2f} | {mean.sd:.3f} | {mean.texture:.3f} |\n"
                )
                sys.stdout.flush()


def rows(
    scan: Scan, protocol: str, fillers: Sequence[Filler], n_blocks: int
) -> dict[str, list[Figures]]:
    """Return method -> figures of every slice taken away."""
    found: dict[str, list[Figures]] = defaultdict(list)
    for taken in filter(None, block_takes(protocol, scan.n_positions, n_blocks)):
        true = physical_planes(scan)[taken]
        for method, filled in filled_by(scan, taken, fillers).items():
            if method in SHOWN or method == fillers[-1].name:
                found[method] += map(tissue_figures, filled, true)
    return found


def filled_by(
    scan: Scan, taken: Sequence[int], fillers: Sequence[Filler]
) -> dict[str, NDArray[np.float32]]:
    """Take slices away and return what the mixture and every filler make of them, (n, h, w) HU."""
    holed = scan.without(taken)
    planes = physical_planes(holed)
    gaps = interior_gaps(holed.present)
    trials = trials_of(holed, planes, gaps, fillers)
    weights = [trials[kind_of(gap, holed.present)].weights for gap in gaps for _ in gap.positions]
    scale = measure(planes, holed.present)
    stack = stack_of(holed, planes, scale, holed.present)
    estimates = np.stack([scale.undo(filler.fill(stack, taken)) for filler in fillers])
    mixed = np.einsum("tf,fthw->thw", np.array(weights, np.float32), estimates)
    return {"mixture": mixed, **dict(zip((f.name for f in fillers), estimates, strict=True))}


def tissue_figures(filled: NDArray[np.float32], true: NDArray[np.float32]) -> Figures:
    """Return the figures of one slice (h, w), HU."""
    tissue, made = true > TISSUE_HU, filled > TISSUE_HU
    error = filled.astype(np.float64) - true
    fine, true_fine = (each - uniform_filter(each, 5) for each in (filled, true))
    return Figures(
        float(error[tissue].mean()),
        float(error[made].mean()),
        float(error[tissue & made].mean()),
        float(error.mean()),
        float(np.abs(error[tissue]).mean()),
        float(filled[tissue].std() / true[tissue].std()),
        float(fine[tissue].std() / true_fine[tissue].std()),
    )


if __name__ == "__main__":
    main()
