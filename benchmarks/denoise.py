"""Noise taken away from scans it was added to: the network, classical methods and the mixture.

    python benchmarks/denoise.py DATA [--model denoise] [--home | --others] [--limit 60]
        [--levels 0.03,0.05,0.07,0.1] [--noise gaussian] [--mixture] [--role test] [--tune]

Prints Markdown. Noise of a known level (units of P0.5..P99.5) is added to scans as they are: their
own noise counts as truth, so no method can come near perfection. PSNR over all voxels, in the
middle block of large scans; mean and SD over scans. The classical methods are told the level that
was added and use the strengths of `STRENGTHS`, chosen on validation scans (`--tune`) level by
level; the network is told nothing. `--mixture` adds what `medgan restore --denoise` does, which
estimates the level, with the gain that it expects.
"""

from __future__ import annotations

import argparse
import sys
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


def main() -> None:
    """Run and print."""
    options = _options()
    truths = [
        (scan.id, *block_of(scan))
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


def table(
    truths: list[tuple[str, Planes, float]], level: float, options: argparse.Namespace
) -> None:
    """Print one row for each method, and what the mixture expected."""
    denoisers = load_denoisers(options.model)
    rows: dict[str, list[float]] = {}
    expected: list[tuple[float, float]] = []
    for name, truth, zero in truths:
        noisy = with_noise(name, truth, zero, level, options.noise)
        rows.setdefault("input", []).append(psnr(noisy, truth, 1.0))
        for method in (*STRENGTHS[level], denoisers[-1]):
            figure = psnr(method(noisy, level), truth, 1.0)
            rows.setdefault(method.name, []).append(figure)
        if options.mixture:
            made = denoise_planes(noisy, None, denoisers)
            rows.setdefault("mixture", []).append(psnr(made.planes, truth, 1.0))
            expected.append((made.gain_db, rows["mixture"][-1] - rows["input"][-1]))
    base = np.array(rows["input"])
    for method, figures in rows.items():
        gain = np.array(figures) - base
        sys.stdout.write(
            f"| {level} | {method} | {np.mean(figures):.2f} | {np.std(figures):.2f} | "
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


def tune(truths: list[tuple[str, Planes, float]], levels: list[float]) -> None:
    """Print how every setting of the classical methods does."""
    for level in levels:
        for name, settings in GRID.items():
            figures = {
                setting: np.mean(
                    [
                        psnr(setting(with_noise(i, t, z, level, "gaussian"), level), t, 1.0)
                        for i, t, z in truths
                    ]
                )
                for setting in settings
            }
            best = max(figures, key=lambda setting: figures[setting])
            shown = ", ".join(f"{v:.2f}" for v in figures.values())
            sys.stdout.write(f"{level} {name}: {best}: {figures[best]:.2f} dB of {shown}\n")
            sys.stdout.flush()


def block_of(scan: Scan) -> tuple[Planes, float]:
    """Return the middle of a scan, P0.5..P99.5 mapped to 0..1, and where its zero lies then."""
    planes = physical_planes(scan)
    scale = measure(planes, scan.present)
    values = scale.apply(np.asarray(planes))
    sides = [min(side, most) for side, most in zip(values.shape, BLOCK, strict=True)]
    starts = [(whole - side) // 2 for whole, side in zip(values.shape, sides, strict=True)]
    block = tuple(slice(a, a + side) for a, side in zip(starts, sides, strict=True))
    return np.ascontiguousarray(values[block]), -scale.low / scale.width


def with_noise(name: str, truth: Planes, zero: float, level: float, kind: str) -> Planes:
    """Add noise that is the same for every method."""
    drawn = {
        "gaussian": Noise(level),
        "rician": Noise(level, "rician", zero=min(zero, 0.0)),
        "uneven": Noise(level, slopes=(0.35, 0.35)),
        "correlated": Noise(level, correlation_px=0.6),
    }[kind]
    rng = stream(0, f"benchmark {name}", round(1000 * level))
    return noise.apply(drawn, truth, rng)


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
