"""Time to index a folder of slice headers, beside what pydicom alone needs for the same files.

    python benchmarks/indexing.py [FOLDER] [--files 1000] [--repeats 5]

Without FOLDER, a CT series of 512 x 512 slices is made in a temporary folder: 0.5 MB and about 100
elements a file, private ones and sequences among them. Both readings run in turn in one process on
warm files, after one round that does not count. Prints a Markdown table of processor seconds, which
a busy machine leaves as they are, and of seconds on the clock.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the series is made as in the tests

import pydicom
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from medgan.scans import discover
from tests.scans.series import make_series, save


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="indexing_") as place:
        folder = options.folder or make(Path(place, "in"), options.files)
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        ways: dict[str, Callable[[], object]] = {
            "pydicom.dcmread(stop_before_pixels=True)": lambda: [
                pydicom.dcmread(path, stop_before_pixels=True) for path in paths
            ],
            "medgan.scans.discover": lambda: discover(folder),
        }
        seconds = measure(ways, options.repeats)
        n_scans = len(discover(folder).scans)
    load = os.getloadavg()[0]
    lines = [
        f"{len(paths)} files in {n_scans} scans, {options.repeats} rounds, machine load {load:.1f}",
        "",
        "| way | fastest, s | median, s | median over pydicom's | median on the clock, s |",
        "|---|---|---|---|---|",
    ]
    plain = median(cpu for cpu, _ in next(iter(seconds.values())))
    for name, rounds in seconds.items():
        cpu, clock = (sorted(times) for times in zip(*rounds, strict=True))
        lines.append(
            f"| {name} | {cpu[0]:.2f} | {median(cpu):.2f} | {median(cpu) / plain:.2f} "
            f"| {median(clock):.2f} |"
        )
    sys.stdout.write("\n".join([*lines, ""]))


def measure(
    ways: dict[str, Callable[[], object]], repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the processor and of the clock; the first round warms up and does not count."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(repeats + 1):
        for name, way in ways.items():
            cpu, clock = time.process_time(), time.perf_counter()
            way()
            if number:
                spent = (time.process_time() - cpu, time.perf_counter() - clock)
                seconds[name].append(spent)
    return seconds


def make(folder: Path, n_files: int) -> Path:
    """Make a series of large slices with long headers, a few files at a time."""
    (template,) = make_series(n=1, rows=512, columns=512)
    lengthen(template)
    for start in range(0, n_files, 50):
        stack = make_series(n=n_files, rows=2, columns=2, step_mm=1.0)[start : start + 50]
        for dataset in stack:
            for element in template:
                if element.tag not in dataset or element.keyword in ("Rows", "Columns"):
                    dataset.add(element)
            dataset.PixelData = template.PixelData
        save(stack, folder, [f"{start + n:05d}.dcm" for n in range(len(stack))])
    return folder


def lengthen(dataset: Dataset) -> None:
    """Add what a scanner writes: private elements, sequences, free text."""
    for n in range(40):
        dataset.add_new(0x00091000 + 0x10 + n, "LO", f"private value {n}")
    dataset.add_new(0x00090010, "LO", "NOBODY PRIVATE")
    for n in range(20):
        dataset.add_new(0x00191000 + 0x10 + n, "DS", [f"{n}.5", "2.25", "3"])
    dataset.add_new(0x00190010, "LO", "NOBODY NUMBERS")
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "CTABD", "99X", "CT abdomen"
    for keyword in ("ProcedureCodeSequence", "RequestAttributesSequence", "DerivationCodeSequence"):
        setattr(dataset, keyword, Sequence([item]))
    dataset.KVP, dataset.XRayTubeCurrent, dataset.ConvolutionKernel = "120", "300", "B30f"
    dataset.ImageComments = "a comment " * 20


if __name__ == "__main__":
    main()
