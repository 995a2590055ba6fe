"""Read damaged files, many of them: 1,000 mutated DICOM and 300 mutated NIfTI files.

    python benchmarks/fuzz.py [--dicom 1000] [--nifti 300] [--seed 100000]

Each round makes a folder, damages files in it, lists it and loads what was listed, in a child
process with a time limit. A crash, a hang, or an exception that is no `MedganError` is a fault; so
is a reason that is empty, longer than 300 characters or more than one line. Prints counts; exit
code 1 on a fault, with the seed that repeats it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # the rounds are those of the tests

from tests.scans.mutations import ROUNDS

TIME_LIMIT_S = 120.0
"""For one round: far beyond what a busy machine needs, decoders' own time limit included."""

Round = Callable[[Path, int], Counter[str]]


@dataclass
class Worker:
    """A child process that does rounds one after the other."""

    process: multiprocessing.process.BaseProcess
    pipe: Connection

    @classmethod
    def start(cls) -> Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=False)
        process.start()
        theirs.close()
        return cls(process, ours)

    def ask(self, kind: str, seed: int) -> Counter[str] | str:
        """Return the counts of one round, or what went wrong."""
        self.pipe.send((kind, seed))
        if not self.pipe.poll(TIME_LIMIT_S):
            return "it hung"
        try:
            answer: Counter[str] | str = self.pipe.recv()
        except EOFError:
            return "it crashed"
        return answer

    def stop(self) -> None:
        self.process.kill()
        self.process.join()


def serve(pipe: Connection) -> None:
    """Do rounds until the pipe is closed."""
    warnings.simplefilter("ignore")
    while True:
        try:
            kind, seed = pipe.recv()
        except EOFError:
            return
        with tempfile.TemporaryDirectory(prefix="fuzz_") as folder:
            try:
                pipe.send(ROUNDS[kind][0](Path(folder, "in"), seed))
            except Exception:
                pipe.send(traceback.format_exc(limit=-3))


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dicom", type=int, default=1000, help="mutated DICOM files")
    parser.add_argument("--nifti", type=int, default=300, help="mutated NIfTI files")
    parser.add_argument("--seed", type=int, default=100_000, help="of the first round")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    faults = 0
    for kind, wanted in (("DICOM", options.dicom), ("NIfTI", options.nifti)):
        tally: Counter[str] = Counter()
        for seed, answer in answers(kind, wanted, options.seed):
            if isinstance(answer, str):
                faults += 1
                sys.stdout.write(f"FAULT: {kind}, seed {seed}: {answer}\n")
            else:
                tally += answer
        n_files = -(-wanted // ROUNDS[kind][1]) * ROUNDS[kind][1]
        counts = ", ".join(f"{n} {name}" for name, n in sorted(tally.items()))
        sys.stdout.write(f"{kind}: {n_files} mutated files; {counts}\n")
    sys.stdout.write(f"{faults} faults (crash, hang, untyped exception, reason of many lines)\n")
    raise SystemExit(1 if faults else 0)


def answers(kind: str, wanted: int, first: int) -> Iterator[tuple[int, Counter[str] | str]]:
    """Do as many rounds as the files need; a worker that crashed or hung is replaced."""
    worker = Worker.start()
    for seed in range(first, first + -(-wanted // ROUNDS[kind][1])):
        answer = worker.ask(kind, seed)
        yield seed, answer
        if answer in ("it hung", "it crashed"):
            worker.stop()
            worker = Worker.start()
    worker.stop()


if __name__ == "__main__":
    main()
