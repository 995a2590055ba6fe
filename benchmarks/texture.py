"""Fidelity and texture of the shipped networks side by side, on validation scans.

    python benchmarks/texture.py DATA [--protocols x2,gap4]

The eight hippocampus validation volumes of `configs/splits.yaml`, slices along the third axis; mean
over scans. Sharpness is the Laplacian energy within slices, flicker the energy of the second
difference across them, both filled over true: 1 is as true. Each filler stands for itself, and no
mixture is made.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from known_scans import known_scans

from medgan.restoration import RestoreSettings, hide_and_score, load_fillers, positions_of

NETWORKS = ("slices-faithful", "slices-natural")
FIGURES = ("psnr_db", "ssim", "sharpness", "flicker")


def main() -> None:
    """Run and print Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("x2", "gap4"))
    options = parser.parse_args()
    classical = load_fillers(RestoreSettings(model="none"))
    compared = [filler for filler in classical if filler.name in {"linear", "symmetric_flow"}]
    compared += [load_fillers(RestoreSettings(model=name))[-1] for name in NETWORKS]
    rows: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for scan in known_scans(options.data, "validation", home=True, limit=None):
        for protocol in options.protocols:
            taken = positions_of(protocol, scan.n_positions)
            for score in hide_and_score(scan, taken, protocol, compared).methods[1:]:
                rows[protocol, score.method].append([getattr(score, f) for f in FIGURES])
    sys.stdout.write(f"| | n | {' | '.join(FIGURES)} |\n|---|---|{'---|' * len(FIGURES)}\n")
    for (protocol, method), figures in rows.items():
        cells = " | ".join(f"{value:.3f}" for value in np.mean(figures, axis=0))
        sys.stdout.write(f"| {protocol}: {method} | {len(figures)} | {cells} |\n")


if __name__ == "__main__":
    main()
