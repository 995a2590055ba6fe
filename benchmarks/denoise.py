"""Noise taken away from scans it was added to: the network, classical methods and the mixture.

    python benchmarks/denoise.py DATA [--model denoise] [--home | --others] [--limit 60]
        [--levels 0.03,0.05,0.07,0.1] [--noise gaussian] [--mixture] [--role test] [--tune]
        [--shrink] [--network-only]
    python benchmarks/denoise.py DATA --time

Prints Markdown. Noise of a known level (units of P0.5..P99.5) is added to scans as they are: their
own noise counts as truth, so no method can come near perfection. PSNR over all voxels, in the
middle block of large scans; mean and SD over scans. The classical methods are told the level that
was added and use the strengths of `STRENGTHS`, chosen on validation scans (`--tune`) level by
level; the network is told nothing. `--mixture` adds what `medgan restore --denoise` does, which
estimates the level, with the gain that it expects. `--shrink` halves scans along every axis first,
by means of 2 x 2 x 2 voxels, which leaves a third of their own noise. `--time` says how long the
network and the mixture take.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from known_scans import known_scans
from numpy.typing import NDArray

from medgan.data import noise
from medgan.data.noise import Noise
from medgan.data.streams import stream
from medgan.evaluation.fidelity import psnr
from medgan.restoration.denoise import denoise_planes, load_denoisers
from medgan.restoration.denoisers import Denoiser, NonLocalMeans, TotalVariation, Wavelet
from medgan.restoration.net_denoiser import NetDenoiser
from medgan.restoration.scale import measure, physical_planes
from medgan.scans import Scan

Planes = NDArray[np.float32]

BLOCK = (16, 96, 96)
"""Largest block of a scan that is scored: slices, rows, columns."""

GRID: dict[str, list[Denoiser]] = {
    "nlm": [NonLocalMeans(h) for h in (0.3, 0.4, 0.5, 0.6)],
    "wavelet": [Wavelet(s, n_shifts=2) for s in (1.0, 1.1, 1.2, 1.3, 1.4)],
    "tv": [TotalVariation(s) for s in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)],
}
"""What `--tune` tries."""

STRENGTHS: dict[float, tuple[Denoiser, ...]] = {
    0.03: (NonLocalMeans(0.5), Wavelet(1.2, n_shifts=2), TotalVariation(0.25)),
    0.05: (NonLocalMeans(0.45), Wavelet(1.2, n_shifts=2), TotalVariation(0.35)),
    0.07: (NonLocalMeans(0.4), Wavelet(1.1, n_shifts=2), TotalVariation(0.4)),
    0.10: (NonLocalMeans(0.4), Wavelet(1.1, n_shifts=2), TotalVariation(0.5)),
}
"""By level, from 3 to 8 validation scans at 0.03, 0.05 (wavelets, TV) and 0.1; the others lie
between their neighbours."""


TIMED = {(36, 35, 50): (1.0, 1.0, 1.0), (40, 256, 256): (4.0, 1.0, 1.0)}
"""Slices, rows, columns and spacing (mm) of what `--time` times."""


@dataclass(frozen=True)
class Truth:
    """The middle of a scan.

    Parameters
    ----------
    id
        Of the scan.
    planes
        (n, h, w), P0.5..P99.5 mapped to 0..1.
    zero
        Where the zero of the scan lies then.
    n_voxels
        Of the whole scan: it decides how many views the network may have.
    spacing_mm
        Between voxels along n, h and w.
    """

    id: str
    planes: Planes
    zero: float
    n_voxels: int
    spacing_mm: tuple[float, ...]


def main() -> None:
    """Run and print."""
    options = _options()
    if options.time:
        measure_time(options.model)
        return
    truths = [
        truth_of(scan, shrink=options.shrink)
        for home in options.home
        for scan in known_scans(options.data, options.role, home=home, limit=options.limit)
    ]
    sys.stdout.write(f"{len(truths)} scans, {options.role}, {options.noise} noise\n\n")
    if options.tune:
        tune(truths, options.levels)
        return
    sys.stdout.write("| level | method | PSNR, dB | SD | over input, dB | least |\n")
    sys.stdout.write("|---|---|---|---|---|---|\n")
    for level in options.levels:
        table(truths, level, options)


def table(truths: list[Truth], level: float, options: argparse.Namespace) -> None:
    """Print one row for each method, and what the mixture expected."""
    loaded = load_denoisers(options.model)
    classical = () if options.network_only else STRENGTHS[level]
    rows: dict[str, list[float]] = {}
    expected: list[tuple[float, float]] = []
    for truth in truths:
        noisy = with_noise(truth, level, options.noise)
        denoisers = [for_scan(one, truth) for one in loaded]
        rows.setdefault("input", []).append(psnr(noisy, truth.planes, 1.0))
        for method in (*classical, denoisers[-1]):
            figure = psnr(method(noisy, level), truth.planes, 1.0)
            rows.setdefault(method.name, []).append(figure)
        if options.mixture:
            made = denoise_planes(noisy, None, denoisers, truth.spacing_mm)
            rows.setdefault("mixture", []).append(psnr(made.planes, truth.planes, 1.0))
            expected.append((made.gain_db, rows["mixture"][-1] - rows["input"][-1]))
    base = np.array(rows["input"])
    for name, figures in rows.items():
        gain = np.array(figures) - base
        sys.stdout.write(
            f"| {level} | {name} | {np.mean(figures):.2f} | {np.std(figures):.2f} | "
            f"{gain.mean():+.2f} | {gain.min():+.2f} |\n"
        )
    if expected:
        told, came = np.array(expected).T
        off = told - came
        sys.stdout.write(
            f"\nlevel {level}: expected gain {told.mean():.2f} dB, came {came.mean():.2f} dB; "
            f"expected - came {off.mean():+.2f} +- {off.std():.2f} dB; below input "
            f"{int((came < 0).sum())} of {len(came)}\n\n"
        )
    sys.stdout.flush()


def tune(truths: list[Truth], levels: list[float]) -> None:
    """Print how every setting of the classical methods does."""
    for level in levels:
        for name, settings in GRID.items():
            figures = {
                setting: np.mean(
                    [
                        psnr(setting(with_noise(t, level, "gaussian"), level), t.planes, 1.0)
                        for t in truths
                    ]
                )
                for setting in settings
            }
            best = max(figures, key=lambda setting: figures[setting])
            shown = ", ".join(f"{v:.2f}" for v in figures.values())
            sys.stdout.write(f"{level} {name}: {best}: {figures[best]:.2f} dB of {shown}\n")
            sys.stdout.flush()


def measure_time(model: str) -> None:
    """Print wall and CPU seconds of the network and of the mixture."""
    loaded = load_denoisers(model)
    for shape, spacing_mm in TIMED.items():
        planes = np.random.default_rng(0).normal(0.5, 0.05, shape).astype(np.float32)
        for name in (loaded[-1].name, "mixture"):
            wall, cpu = time.perf_counter(), time.process_time()
            if name == "mixture":
                denoise_planes(planes, None, loaded, spacing_mm)
            else:
                loaded[-1](planes, 0.05)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            sys.stdout.write(f"{shape} {name}: {wall:.1f} s, {cpu:.1f} s of CPU\n")
            sys.stdout.flush()


def for_scan(one: Denoiser, truth: Truth) -> Denoiser:
    """Give a network the views that the whole scan can afford, not its block."""
    if isinstance(one, NetDenoiser):
        return one.for_size(truth.n_voxels)
    return one


def truth_of(scan: Scan, *, shrink: bool) -> Truth:
    """Return the middle of a scan, or of the scan at half its size."""
    planes = physical_planes(scan)
    scale = measure(planes, scan.present)
    values = scale.apply(np.asarray(planes))
    across = [mm for axis, mm in enumerate(scan.spacing_mm) if axis != scan.axis]
    spacing = (scan.spacing_mm[scan.axis], *across)
    if shrink:
        n, h, w = (side // 2 for side in values.shape)
        whole = values[: 2 * n, : 2 * h, : 2 * w]
        values = whole.reshape(n, 2, h, 2, w, 2).mean(axis=(1, 3, 5), dtype=np.float32)
        spacing = tuple(2 * mm for mm in spacing)
    sides = [min(side, most) for side, most in zip(values.shape, BLOCK, strict=True)]
    starts = [(whole - side) // 2 for whole, side in zip(values.shape, sides, strict=True)]
    block = tuple(slice(a, a + side) for a, side in zip(starts, sides, strict=True))
    zero = -scale.low / scale.width
    return Truth(scan.id, np.ascontiguousarray(values[block]), zero, values.size, spacing)


def with_noise(truth: Truth, level: float, kind: str) -> Planes:
    """Add noise that is the same for every method."""
    drawn = {
        "gaussian": Noise(level),
        "rician": Noise(level, "rician", zero=min(truth.zero, 0.0)),
        "uneven": Noise(level, slopes=(0.35, 0.35)),
        "correlated": Noise(level, correlation_px=0.6),
    }[kind]
    rng = stream(0, f"benchmark {truth.id}", round(1000 * level))
    return noise.apply(drawn, truth.planes, rng)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="denoise", help="name or folder")
    parser.add_argument("--limit", type=int, help="scans of each set")
    parser.add_argument("--levels", default="0.03,0.05,0.07,0.1")
    parser.add_argument(
        "--noise", default="gaussian", choices=("gaussian", "rician", "uneven", "correlated")
    )
    parser.add_argument("--role", default="test", choices=("train", "validation", "test"))
    parser.add_argument("--mixture", action="store_true", help="the whole of --denoise as well")
    parser.add_argument("--shrink", action="store_true", help="scans at half their size")
    parser.add_argument("--network-only", action="store_true", help="leave the classical ones out")
    parser.add_argument("--time", action="store_true", help="seconds instead of decibels")
    parser.add_argument("--tune", action="store_true", help="choose strengths")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--home", action="store_const", const=(True,), dest="home")
    which.add_argument("--others", action="store_const", const=(False,), dest="home")
    parser.set_defaults(home=(True, False))
    options = parser.parse_args()
    options.levels = [float(level) for level in options.levels.split(",")]
    return options


if __name__ == "__main__":
    main()
