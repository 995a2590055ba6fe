"""What the runner itself costs: per scan, and on a second run over scans that have not changed.

    python benchmarks/runner.py [--scans 1000] [--workers 2]

The scans are fake (`tests/pipeline/fake_stages.py`): a text is read, a text is written, nothing is
computed. `plain loop` does the same without the runner: no child, no staging folder, no hash, no
ledger. Whatever a run takes beyond it is the runner's. Every run is a process of its own; the
clock starts when its imports are done. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))  # the stages are those of the tests

from medgan.pipeline import RunOptions, rehearse, run_pipeline
from medgan.pipeline.settings import read_pipeline
from medgan.pipeline.stage import Context, Done, PerScan, Source
from tests.pipeline import fake_stages
from tests.pipeline.conftest import PIPELINE


def main() -> None:
    """Run and print; with `--one`, do one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--one", nargs=2, metavar=("WHAT", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        say(json.dumps(measure(options.one[0], Path(options.one[1]), options.workers)))
        return
    with tempfile.TemporaryDirectory(prefix="runner_") as place:
        folder = Path(place)
        (folder / "fake.yaml").write_text(PIPELINE)
        (folder / "input").mkdir()
        for number in range(options.scans):
            (folder / "input" / f"scan{number:06d}.txt").write_text("ok")
        say(f"{options.scans} scans\n")
        say("| run | seconds | ms a scan | scans done | driver MB |")
        say("|---|---|---|---|---|")
        for what, words in RUNS.items():
            found = in_a_process(what, folder, options.workers)
            seconds, each = found["seconds"], 1e3 * found["seconds"] / options.scans
            row = f"{seconds:.2f} | {each:.2f} | {found['done']} | {found['driver_mb']:.0f} |"
            say(f"| {words.format(n=options.workers)} | {row}")


RUNS = {
    "plain": "plain loop, without the runner",
    "inline": "first run, `--workers 0`",
    "children": "first run, `--workers {n}`",
    "again": "second run, nothing changed",
    "rehearse": "the same with `--dry-run`",
    "touched": "third run, one scan changed",
}


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def in_a_process(what: str, folder: Path, workers: int) -> dict[str, float]:
    """Measure in a process that has done nothing else."""
    words = [sys.executable, __file__, "--one", what, str(folder), "--workers", str(workers)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(what: str, folder: Path, workers: int) -> dict[str, float]:
    """Do one run; seconds, scans worked on, and the largest memory of this process."""
    source, pipeline = folder / "input", str(folder / "fake.yaml")
    out = folder / ("inline" if what == "inline" else "children")
    options = RunOptions(workers=workers if what != "inline" else 0)
    if what == "touched":
        (source / "scan000000.txt").write_text("ok, and changed")
    began = time.monotonic()
    if what == "plain":
        plain_loop(pipeline, source, folder / "plain")
    elif what == "rehearse":
        assert not rehearse(pipeline, source, out)
    else:
        run_pipeline(pipeline, source, out, options=options)
    seconds = time.monotonic() - began
    tries = (folder / "plain" if what == "plain" else out) / ".medgan" / "tries.txt"
    done = len(tries.read_text().splitlines())
    tries.write_text("")
    driver_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"seconds": seconds, "done": done, "driver_mb": driver_mb}


def plain_loop(pipeline: str, source: Path, out: Path) -> None:
    """Do what the stages do, and nothing else."""
    first, second, _ = read_pipeline(pipeline).steps
    context = Context(source, out)
    context.state.mkdir(parents=True)
    assert isinstance(first.stage, Source)
    assert isinstance(second.stage, PerScan)
    loaded = second.stage.load(second.settings, context)
    items = first.stage.list_items(first.settings, context, Done()).items
    for item in items:
        for work in first.stage.open_item(item, first.settings, context, None):
            second.stage.run(work, second.settings, context, loaded)
    assert fake_stages.STAGES


if __name__ == "__main__":
    main()
