"""Seconds and memory of restoration on large generated scans, beside scipy's cubic spline.

    python benchmarks/large_scans.py [--shape 256,256,192] [--whole 512,512,1000] [--threads 2]
        [--widths 56,112,160] [--format nifti|dicom]

First table, on `--shape` with every other slice missing: each row is a process of its own, and its
peak is that process's largest resident memory as the kernel counted it (VmHWM). `fill, all
candidates` fills every gap by every method and mixes them, which is the most a scan can ask for;
`restore` hides and scores first and then fills by those that earned weight. `--widths` measures a
network of that size with random weights in place of the shipped one. Second table, on `--whole`
with a few gaps: `medgan restore` from file to checked file, the largest of its processes sampled
from outside. Seconds on the clock mean what they say on an idle machine only; the load is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from generated_scans import as_scan, generated_volume, write_dicom_series, write_volume
from watched import peak_mb, watched

SPLINE, FILL, RESTORE = "scipy CubicSpline", "fill, all candidates", "restore: hide, score, fill"
NOTHING = "volume in memory, nothing done"
GAPS = ((0.1, 3), (0.3, 1), (0.5, 4), (0.7, 1))
"""Where gaps lie, as a share of the stack, and how long they are."""


def main() -> None:
    """Run and print; with `--one`, do one measurement in this process."""
    options = parse_arguments()
    if options.one:
        say(json.dumps(measure(options.one, options)))
        return
    if options.shape:
        in_memory(options)
    if options.whole:
        whole_road(options)


def in_memory(options: argparse.Namespace) -> None:
    """Measure every way to fill one volume."""
    shape = " x ".join(map(str, options.shape))
    said = f"{options.threads} threads, machine load {os.getloadavg()[0]:.1f}"
    say(f"{shape}, int16, every other slice missing, {said}\n")
    say("| way | seconds | ms a slice | over the spline | processor s | peak MB |")
    say("|---|---|---|---|---|---|")
    base = 0.0
    for name in (NOTHING, SPLINE, FILL, RESTORE):
        found = in_a_process(name)
        base = found["seconds"] if name == SPLINE else base
        ratio = f"{found['seconds'] / base:.1f}" if base else ""
        each = 1e3 * found["seconds"] / len(range(1, options.shape[2] - 1, 2))
        cells = (f"{found['seconds']:.1f}", f"{each:.0f}", ratio, f"{found['cpu']:.1f}")
        say(f"| {name} | {' | '.join(cells)} | {found['peak_mb']:.0f} |")


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=numbers, default=(256, 256, 192), help="or nothing: ''")
    parser.add_argument("--whole", type=numbers, default=(512, 512, 1000), help="or nothing: ''")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--widths", type=numbers, help="of a network with random weights")
    parser.add_argument("--format", choices=("nifti", "dicom"), default="nifti")
    parser.add_argument("--model", default="slices-faithful", help="of the second table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def numbers(text: str) -> tuple[int, ...]:
    """Read `1,2,3`; nothing gives nothing."""
    return tuple(map(int, text.split(","))) if text else ()


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def in_a_process(name: str) -> dict[str, float]:
    """Measure in a process that has done nothing else."""
    words = [sys.executable, __file__, *sys.argv[1:], "--one", name]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Do one thing to the volume; seconds without making it and loading what does it."""
    work = {SPLINE: spline, FILL: fill, RESTORE: restore, NOTHING: nothing}[name](options)
    began, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    return {"seconds": seconds, "cpu": cpu, "peak_mb": peak_mb()}


Work = Callable[[], object]


def nothing(options: argparse.Namespace) -> Work:
    """Hold the volume: what every other row has in its peak as well."""
    scan = as_scan(generated_volume(options.shape))
    return lambda: scan


def spline(options: argparse.Namespace) -> Work:
    """Fill by scipy's cubic spline through all slices that are left."""
    from scipy.interpolate import CubicSpline

    scan = as_scan(generated_volume(options.shape))
    there = np.arange(0, scan.n_positions, 2)
    planes = np.moveaxis(scan.stored, 2, 0)
    gone = np.arange(1, scan.n_positions - 1, 2)
    return lambda: CubicSpline(there, planes[there].astype(np.float32))(gone)


def fill(options: argparse.Namespace) -> Work:
    """Fill every gap by every candidate, with equal weights."""
    from medgan.restoration.scale import measure as scale_of
    from medgan.restoration.scale import physical_planes, stack_of

    fillers = loaded(options)
    scan = as_scan(generated_volume(options.shape))
    gone = range(1, scan.n_positions - 1, 2)
    holed = scan.without(gone)

    def work() -> object:
        planes = physical_planes(holed)
        scale = scale_of(planes, holed.present)
        stack = stack_of(holed, planes, scale, holed.present)
        made = (sum(f.fill(stack, [p])[0] for f in fillers) / len(fillers) for p in gone)
        return holed.with_slices(gone, map(scale.undo, made))

    return work


def restore(options: argparse.Namespace) -> Work:
    """Do what `medgan restore` does between reading and writing."""
    from medgan.restoration import RestoreSettings, restore_scan

    fillers = loaded(options)
    scan = as_scan(generated_volume(options.shape))
    holed = scan.without(range(1, scan.n_positions - 1, 2))
    return lambda: restore_scan(holed, RestoreSettings(), fillers)


def loaded(options: argparse.Namespace) -> tuple:
    """Load the candidates; the network as shipped, or of other widths with random weights."""
    import cv2
    import torch

    from medgan.models import Model
    from medgan.networks.slice_net import SliceNet
    from medgan.restoration import RestoreSettings, load_fillers
    from medgan.restoration.net_filler import NetFiller

    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    *classical, net = load_fillers(RestoreSettings())
    if options.widths:
        network = SliceNet(widths=options.widths).eval().requires_grad_(False)
        torch.nn.init.normal_(network.last.weight, std=1e-4)
        net = NetFiller(Model(net.model.info, network))
    return (*classical, net)


def whole_road(options: argparse.Namespace) -> None:
    """Restore a large file by the command line, and watch its processes."""
    shape, n = options.whole, options.whole[2]
    gone = [int(share * n) + i for share, length in GAPS for i in range(length)]
    with tempfile.TemporaryDirectory(prefix="large_") as place:
        source, out = Path(place, "in"), Path(place, "out")
        volume = generated_volume(shape)
        write = write_dicom_series if options.format == "dicom" else write_volume
        write(volume, source, gone)
        stored_mb = volume.nbytes / 1e6
        del volume
        words = ["restore", str(source), "-o", str(out), "--workers", "1"]
        command = [sys.executable, "-m", "medgan", *words, "--model", options.model]
        seen = watched(command, threads=options.threads)
    size = " x ".join(map(str, shape))
    what = f"int16 ({stored_mb:.0f} MB stored), {options.format}, {len(gone)} slices missing"
    say(f"\n{size}, {what}\n")
    say("| process | peak MB | peak over what is stored |")
    say("|---|---|---|")
    rows = {"driver": seen.driver_mb, "child, from file to checked file": seen.child_mb}
    for name, peak in rows.items():
        say(f"| {name} | {peak:.0f} | {peak / stored_mb:.1f} |")
    say(f"\nExit code {seen.code}, {seen.seconds:.0f} s.")


if __name__ == "__main__":
    main()
