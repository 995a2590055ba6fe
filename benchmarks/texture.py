"""Fidelity and texture from faithful to natural, on validation scans.

    python benchmarks/texture.py DATA [--model slices-faithful] [--natural slices-natural]
        [--shares 0,0.25,0.5,0.75,1] [--protocols x2,gap4]

The eight hippocampus validation volumes of `configs/splits.yaml`, slices along the third axis; mean
over scans. Each filler stands for itself, and no mixture is made. Sharpness is the Laplacian energy
within slices, flicker the energy of the second difference across them, both filled over true: 1 is
as true. `stat` is how far texture statistics lie from the true ones, relative: means and deviations
of the channels of a fixed random network of three layers, 0 is as true.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from known_scans import known_scans
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from medgan.interpolation import Filler
from medgan.restoration import RestoreSettings, load_fillers, positions_of
from medgan.restoration.hide import interior_gaps
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.truth import Truth
from medgan.scans import Scan

FIGURES = ("psnr_db", "ssim", "sharpness", "flicker")
CLASSICAL = {"linear", "symmetric_flow"}
WIDTHS = (16, 32, 64)
"""Channels of the random network, each layer after the first at half the size of the last."""


def main() -> None:
    """Run and print Markdown."""
    options = parse_arguments()
    fillers = compared(options.model, options.natural, options.shares)
    rows: dict[tuple[str, str], list[list[float]]] = defaultdict(list)
    for scan in known_scans(options.data, "validation", home=True, limit=None):
        for protocol in options.protocols:
            for filler, figures in scores(scan, protocol, fillers):
                rows[protocol, filler].append(figures)
    names = [*FIGURES, "stat"]
    sys.stdout.write(f"| | n | {' | '.join(names)} |\n|---|---|{'---|' * len(names)}\n")
    for (protocol, method), found in rows.items():
        cells = " | ".join(f"{value:.3f}" for value in np.mean(found, axis=0))
        sys.stdout.write(f"| {protocol}: {method} | {len(found)} | {cells} |\n")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="slices-faithful", help="at share 0: name or folder")
    parser.add_argument("--natural", default="slices-natural", help="at share 1: name or folder")
    parser.add_argument(
        "--shares",
        type=lambda text: list(map(float, text.split(","))),
        default=(0, 0.25, 0.5, 0.75, 1),
    )
    parser.add_argument("--protocols", type=lambda text: text.split(","), default=("x2", "gap4"))
    return parser.parse_args()


def compared(model: str, natural: str, shares: Sequence[float]) -> list[Filler]:
    """Return two classical fillers and the network at every share of texture."""
    classical = [f for f in load_fillers(RestoreSettings(model="none")) if f.name in CLASSICAL]
    settings = [RestoreSettings(model=model, natural=natural, texture=share) for share in shares]
    return [*classical, *(load_fillers(each)[-1] for each in settings)]


def scores(scan: Scan, protocol: str, fillers: Sequence[Filler]) -> list[tuple[str, list[float]]]:
    """Take slices away, fill them by every filler, and return the figures of each by name."""
    holed = scan.without(positions_of(protocol, scan.n_positions))
    targets = [p for gap in interior_gaps(holed.present) for p in gap.positions]
    planes = physical_planes(holed)
    scale = measure(planes, holed.present)
    stack = stack_of(holed, planes, scale, holed.present)
    truth = Truth.of(scan, protocol, targets)
    true = scale.apply(truth.planes[targets])
    found = []
    for filler in fillers:
        filled = filler.fill(stack, targets)
        score = truth.score(filler.name, 0.0, scale.undo(filled))
        figures = [float(getattr(score, figure)) for figure in FIGURES]
        found.append((filler.name, [*figures, texture_gap(filled, true)]))
    return found


def texture_gap(filled: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """Return how far the texture statistics of slices (n, h, w) lie from the true ones, relative.

    |a - b| / |b| of the means and deviations of every channel, over all layers: the style distance
    of Gatys et al. (2016, CVPR, eq. 4 and 5) on the diagonal, of a random network.
    """
    ours, theirs = statistics(filled), statistics(true)
    return float((ours - theirs).abs().sum() / theirs.abs().sum())


def statistics(planes: NDArray[np.float32]) -> Tensor:
    """Return mean and deviation of every channel over slices and pixels, layer by layer."""
    found = []
    x = torch.from_numpy(np.ascontiguousarray(planes))[:, None]
    with torch.inference_mode():
        for n, layer in enumerate(random_network()):
            x = functional.leaky_relu(layer(functional.avg_pool2d(x, 2) if n else x), 0.1)
            found += [x.mean(dim=(0, 2, 3)), x.std(dim=(0, 2, 3))]
    return torch.cat(found)


def random_network() -> list[nn.Conv2d]:
    """Return the layers of one fixed random network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        sides = zip((1, *WIDTHS), WIDTHS, strict=False)
        return [nn.Conv2d(n_in, n_out, 3, padding=1) for n_in, n_out in sides]


if __name__ == "__main__":
    main()
