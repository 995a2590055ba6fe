"""Scans per hour, memory over time and the runner's share, of many small scans in one batch.

    python benchmarks/throughput.py [--scans 1000] [--shape 48,48,24] [--workers 1,2]
        [--limit-s 600]

`medgan restore` on generated NIfTI scans, each with two slices missing, by the command line. The
driver and its children are sampled five times a second from outside. `runner` is the share of the
workers' time that no scan was worked on: start of the children, loading of the model, hand-over,
ledger. Memory over time is the mean resident memory in the first and the last quarter of the run,
after the children have loaded. A run that is stopped by `--limit-s` counts what it got done.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from generated_scans import generated_volume, write_volume
from watched import Watched, watched

GONE = (10, 15)
N_SHAPES = 20
"""Different volumes; each is written many times, moved sideways."""


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--shape", type=numbers, default=(48, 48, 24))
    parser.add_argument("--workers", type=numbers, default=(1, 2))
    parser.add_argument("--model", default="slices-faithful")
    parser.add_argument("--limit-s", type=float, help="stop a run after so many seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="throughput_") as place:
        folder = Path(place, "in")
        make(folder, options.shape, options.scans)
        shape = " x ".join(map(str, options.shape))
        said = f"{options.model}, machine load {os.getloadavg()[0]:.1f}"
        say(f"{options.scans} scans of {shape}, two slices missing in each, {said}\n")
        say(
            "| workers | scans done | seconds | scans an hour | s a scan | runner | driver MB, "
            "first / last quarter | children MB, first / last quarter | peak child MB |"
        )
        say("|---|---|---|---|---|---|---|---|---|")
        for workers in options.workers:
            out = Path(place, f"out{workers}")
            words = ["restore", str(folder), "-o", str(out), "--workers", str(workers)]
            command = [sys.executable, "-m", "medgan", *words, "--model", options.model]
            say(row(workers, out, watched(command, limit_s=options.limit_s)))


def numbers(text: str) -> tuple[int, ...]:
    """Read `1,2,3`."""
    return tuple(map(int, text.split(",")))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def make(folder: Path, shape: tuple[int, ...], n: int) -> None:
    """Write n scans that all differ."""
    volumes = [generated_volume(shape, seed) for seed in range(min(n, N_SHAPES))]
    for number in range(n):
        volume = np.roll(volumes[number % len(volumes)], number // len(volumes), axis=0)
        write_volume(volume, folder, GONE, f"scan{number:05d}.nii")


def row(workers: int, out: Path, seen: Watched) -> str:
    """Put one run into a row."""
    lines = (out / ".medgan" / "ledger.jsonl").read_text().splitlines()
    units = [json.loads(line) for line in lines]
    done = [u for u in units if u.get("status") == "done" and u.get("records")]
    seconds = [u["seconds"] for u in done if u["seconds"] is not None]
    n, each = len(done), float(np.mean(seconds))
    idle = 1 - sum(seconds) / (workers * seen.seconds)
    driver, children = (quarters(seen, column) for column in (1, 2))
    return (
        f"| {workers} | {n} | {seen.seconds:.0f} | {3600 * n / seen.seconds:.0f} | {each:.2f} "
        f"| {idle:.1%} | {driver} | {children} | {seen.child_mb:.0f} |"
    )


def quarters(seen: Watched, column: int) -> str:
    """Mean memory in the first and in the last quarter of the time that children were at work."""
    busy = [sample for sample in seen.samples if sample[2] > seen.child_mb / 2]
    part = max(1, len(busy) // 4)
    first, last = (np.mean([s[column] for s in some]) for some in (busy[:part], busy[-part:]))
    return f"{first:.0f} / {last:.0f}"


if __name__ == "__main__":
    main()
