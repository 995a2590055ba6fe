"""Messy folders read by medgan and by others, each volume scored against the world.

    python benchmarks/readers.py [--only NAME,NAME] [--readers medgan,dcm2niix] [--details]

Every folder is made by a recipe of the test suite whose stored value is a known function of world
position. A reader runs in a child process with a time limit; what it gives back is scored voxel by
voxel, at the place where its own affine puts it. Prints Markdown.

Classes: ok, every slice of every stack in its place and nothing else; partial, what is there is
right, but slices are lacking or a gap is not marked; refused, nothing is given back; wrong, a value
stands where it was not measured, and nothing in the volume marks it. Wrong is announced where the
reader printed a line that it does not print for an orderly folder, else silent.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the recipes are those of the tests

from foreign_readers import DICOM_READERS, VOLUME_READERS, Reader, say
from messy_truth import Made, Truth, score, truth_of

from tests.scans import messy_formats, messy_series, messy_volumes

TIME_LIMIT_S = 60.0
CLASSES = ("ok", "partial", "refused", "wrong, announced", "wrong, silent")
DICOM_CASES = messy_series.CASES | messy_formats.CASES
VOLUME_CASES = messy_volumes.CASES
PACKAGES = {
    "medgan": "medgan",
    "SimpleITK": "SimpleITK",
    "dicom2nifti": "dicom2nifti",
    "dcm2niix": "dcm2niix",
    "MONAI": "monai",
    "highdicom": "highdicom",
    "nibabel": "nibabel",
}
PRELOADED = (
    *("numpy", "pydicom", "nibabel", "SimpleITK", "monai.data", "monai.transforms"),
    *("highdicom", "dicom2nifti.convert_dir", "medgan.scans", "__main__"),
)
"""Imported once, before children are forked; itk is not, since forks of it may hang."""
ORDERLY = {"DICOM": "plain_axial", "volumes": "nifti"}


@dataclass(frozen=True)
class Answer:
    """What a reader gave: volumes, the lines that it printed, and how it ended."""

    made: tuple[Made, ...]
    lines: frozenset[str]
    end: str


def main() -> None:
    """Run and print Markdown; the exit code is 1 if medgan is wrong anywhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="cases whose names hold this, or this, ...")
    parser.add_argument("--readers", default="", help="readers, by name, with commas between")
    parser.add_argument("--details", action="store_true", help="say what is wrong in each volume")
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    wrong = 0
    for name, cases, readers in (
        ("DICOM", DICOM_CASES, DICOM_READERS),
        ("volumes", VOLUME_CASES, VOLUME_READERS),
    ):
        chosen = {n: r for n, r in readers.items() if not options.readers or n in options.readers}
        results = run(cases, chosen, ORDERLY[name], options.only, details=options.details)
        wrong += sum(row.get("medgan", "").startswith("wrong") for row in results.values())
        print_tables(name, results, chosen)
    raise SystemExit(1 if wrong else 0)


def run(
    cases: Mapping[str, object],
    readers: Mapping[str, Reader],
    orderly: str,
    only: str,
    *,
    details: bool,
) -> dict[str, dict[str, str]]:
    """Class of each reader on each case; the orderly case goes first, to learn what is usual."""
    names = [orderly, *(name for name in cases if name != orderly)]
    usual: dict[str, frozenset[str]] = {}
    results = {}
    for name in names:
        if name != orderly and not any(part in name for part in only.split(",")):
            continue
        with tempfile.TemporaryDirectory(prefix="messy_") as place:
            folder = Path(place, "in")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                truth = truth_of(folder, cases[name](folder))  # type: ignore[operator]
            row = {}
            for reader, read in readers.items():
                answer = ask(read, folder, Path(place))
                lines = answer.lines - usual.setdefault(reader, answer.lines)
                row[reader] = judge(answer, truth, lines)
                if details and row[reader] not in ("ok", "refused"):
                    explain(name, reader, row[reader], answer, truth, lines)
            results[name] = row
        tell(f"{len(results)} of {len(names)}: {name}")
    return results


def ask(read: Reader, folder: Path, place: Path) -> Answer:
    """Let one reader read one folder, in a child with a time limit."""
    out, log = place / "made.npz", place / "log.txt"
    out.unlink(missing_ok=True)
    context = multiprocessing.get_context("forkserver")
    child = context.Process(target=_serve, args=(read, folder, out, log))
    child.start()
    child.join(TIME_LIMIT_S)
    end = "" if child.exitcode == 0 else f"ended with {child.exitcode}"
    if child.is_alive():
        child.kill()
        child.join()
        end = "time limit"
    made = []
    if out.exists():
        with np.load(out) as arrays:
            n = len(arrays.files) // 2
            made = [Made(arrays[f"values{k}"], arrays[f"affine{k}"]) for k in range(n)]
    text = log.read_text(errors="replace") if log.exists() else ""
    lines = frozenset(filter(None, (_plain(line, place) for line in text.splitlines())))
    return Answer(tuple(made), lines, end)


def _serve(read: Reader, folder: Path, out: Path, log: Path) -> None:
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    try:
        made = read(folder)
    except BaseException:
        traceback.print_exc()
        made = []
    arrays = {f"values{n}": one.values for n, one in enumerate(made)}
    arrays |= {f"affine{n}": one.affine for n, one in enumerate(made)}
    np.savez(out, **arrays)
    sys.stdout.flush()


def _plain(line: str, place: Path) -> str:
    """Reduce a line to what it says, without paths and numbers."""
    line = re.sub(rf"{re.escape(str(place))}\S*|/tmp/\S*|0x[0-9a-f]+", "", line)
    return re.sub(r"[\d.]+", "#", line).strip()


def judge(answer: Answer, truth: Truth, lines: frozenset[str]) -> str:
    """Name the class of an answer."""
    if not answer.made:
        return "refused"
    verdicts = [score(made, truth) for made in answer.made]
    if any(verdict.is_wrong for verdict in verdicts):
        return "wrong, announced" if lines else "wrong, silent"
    n_right = sum(len(verdict.slices) for verdict in verdicts)
    lacking = n_right < truth.n_slices or any(verdict.filled for verdict in verdicts)
    return "partial" if lacking else "ok"


def explain(
    case: str, reader: str, name: str, answer: Answer, truth: Truth, lines: frozenset[str]
) -> None:
    """Say on the error stream what is wrong or lacking."""
    tell(f"  {case} / {reader}: {name}; {truth.n_slices} slices expected")
    for made in answer.made:
        v = score(made, truth)
        tell(
            f"    {made.values.shape}: {v.right} right, {v.wrong} wrong, {v.invented} invented, "
            f"{v.filled} filled, {len(v.slices)} slices"
        )
    for line in sorted(lines)[:4]:
        tell(f"    | {line[:150]}")


def print_tables(
    name: str, results: Mapping[str, Mapping[str, str]], readers: Mapping[str, Reader]
) -> None:
    """Print the table per reader and the table per case."""
    say(f"\n### {name}: {len(results)} folders\n")
    say("| reader | n | " + " | ".join(CLASSES) + " |")
    say("|---|" + "---|" * (len(CLASSES) + 1))
    for reader in readers:
        count = Counter(row[reader] for row in results.values())
        figures = " | ".join(str(count[one]) for one in CLASSES)
        say(f"| {reader} {_version(reader)} | {len(results)} | {figures} |")
    say("\n| folder | " + " | ".join(readers) + " |")
    say("|---|" + "---|" * len(readers))
    for case, row in sorted(results.items()):
        cells = " | ".join(_bold(row[reader]) for reader in readers)
        say(f"| {case.replace('_', ' ')} | {cells} |")


def tell(line: str) -> None:
    """Write a line for whoever waits."""
    sys.stderr.write(f"{line}\n")


def _bold(name: str) -> str:
    return f"**{name}**" if name == "wrong, silent" else name


def _version(reader: str) -> str:
    package = next((p for start, p in PACKAGES.items() if reader.startswith(start)), "")
    try:
        return version(package)
    except (PackageNotFoundError, ValueError):
        return ""


if __name__ == "__main__":
    main()
