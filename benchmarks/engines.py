"""What it costs to move a scan through the engines: children of this process, and Dask workers.

The stages are those of the tests (`tests/pipeline/fake_stages.py`): a text is read, a text is
written, nothing is computed. Each engine does a small and a large number of scans, in turn and
several times; a scan costs the difference, and a run what is left. Every run is a process of its
own. CPU seconds are those of the driver and of all it started, and depend less than wall time on
what else the machine does. Prints a Markdown table: median, least and most.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the stages are those of the tests

from tests.pipeline.conftest import PIPELINE
from tests.pipeline.fake_run import ROOT, command

ENGINES = ("local", "dask")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--few", type=int, default=20)
    parser.add_argument("--many", type=int, default=420)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="engines_") as place:
        folder = Path(place)
        (folder / "fake.yaml").write_text(PIPELINE)
        for count in (options.few, options.many):
            (folder / str(count)).mkdir()
            for number in range(count):
                (folder / str(count) / f"scan{number:06d}.txt").write_text("ok")
        for repeat in range(options.repeats):
            for engine in ENGINES:
                for count in (options.few, options.many):
                    out = folder / f"out_{engine}_{count}_{repeat}"
                    took = seconds(folder, count, out, engine, options.workers)
                    found.setdefault((engine, count), []).append(took)
    say(f"{options.few} and {options.many} scans, {options.workers} workers, n = {options.repeats}")
    say("\n| engine | a run, s | the same, CPU s | a scan, ms | the same, CPU ms |")
    say("|---|---|---|---|---|")
    for engine in ENGINES:
        say(row(engine, found[engine, options.few], found[engine, options.many], options))


def row(
    engine: str,
    few: list[tuple[float, float]],
    many: list[tuple[float, float]],
    options: argparse.Namespace,
) -> str:
    """Tell the cost of a run from that of a scan; wall and CPU seconds of all repeats."""
    cells = {}
    for n, kind in enumerate(("wall", "CPU")):
        each = [
            (m[n] - f[n]) / (options.many - options.few) for f, m in zip(few, many, strict=True)
        ]
        whole = [f[n] - options.few * e for f, e in zip(few, each, strict=True)]
        cells[kind] = spread(whole), spread([1e3 * e for e in each])
    return f"| {engine} | " + " | ".join(cells[k][n] for n in (0, 1) for k in cells) + " |"


def seconds(folder: Path, count: int, out: Path, engine: str, workers: int) -> tuple[float, float]:
    """Do one run; wall and CPU seconds."""
    words = command("run", folder / "fake.yaml", folder / str(count), "-o", out, "-q")
    how = ["--engine", engine, "--workers", str(workers), "--memory", "2"]
    before, began = cpu_seconds(), time.monotonic()
    subprocess.run([*words, *how], cwd=ROOT, check=True)
    return time.monotonic() - began, cpu_seconds() - before


def cpu_seconds() -> float:
    """CPU time of all processes that were started here and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def spread(values: list[float]) -> str:
    """Write median, least and most."""
    return f"{statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
