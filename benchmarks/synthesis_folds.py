"""The shipped recipe of virtual hippocampi beside its baselines, by cross-validation.

    python benchmarks/synthesis_folds.py DATA [--models hippocampus-3d prior] [--folds 3] [--n 200]
        [--seeds 0,1,2] [--work FOLDER] [--out FILE]

Sixty test volumes cannot tell small kernel distances apart. Here all 200 labelled hippocampi are
dealt into folds; each fold is compared with 200 virtual volumes of models that were trained on the
others, by the ordinary road through written files, as `benchmarks/synthesis.py` does with the one
split. The test volumes are among them: nothing is to be chosen by these figures. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest import mock

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray
from synthesis import HOME, judge, say

from medgan.assessment.image_cases import real_cases
from medgan.data import splits
from medgan.evaluation import SyntheticReport
from medgan.evaluation.synthetic_report import with_error
from medgan.models import load_model
from medgan.pipeline.recipes import read_recipe
from medgan.pipeline.run_folder import CACHE
from medgan.pipeline.training import train_model

MODELS = {
    "hippocampus-3d": ("synthesize/template", ["mode_waves=[3, 4, 2]"]),
    "template": ("synthesize/template", []),
    "prior": ("synthesize/prior", []),
}
DISTANCES = ("kid_rand", "kid_joint", "kid_seg")
OTHERS = ("c2st_rand", "c2st_joint", "c2st_seg", "recall", "ms_ssim", "spectrum_db", "label_ok")
Reports = dict[str, list[SyntheticReport]]
"""Of one fold: of each model, one for each sampling seed."""

DEAL = 0x5EED
"""Seed of the dealing of cases into folds."""


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        parts = deal([case.sha256 for case in real_cases(options.data / HOME)], options.folds)
        found = [one_fold(options, part, work / f"fold-{k}") for k, part in enumerate(parts)]
    text = page(options, found)
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["hippocampus-3d", "prior"])
    parser.add_argument("--folds", type=int, choices=range(2, 11), default=3, metavar="2..10")
    parser.add_argument("--n", type=int, default=200, help="virtual volumes per fold and seed")
    parser.add_argument(
        "--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2]
    )
    parser.set_defaults(utility=False)  # `judge` asks for it
    parser.add_argument("--work", type=Path, help="folder to keep the runs, files and reports in")
    parser.add_argument("--out", type=Path, help="Markdown file")
    return parser.parse_args()


def deal(hashes: list[str], n_folds: int) -> list[dict[str, splits.Part]]:
    """Return what each scan may be used for, by content hash, once for each fold left out."""
    order = np.random.default_rng(DEAL).permutation(sorted(hashes))
    fold_of = {str(sha256): rank % n_folds for rank, sha256 in enumerate(order)}
    return [
        {sha256: splits.Part("test" if at == k else "train") for sha256, at in fold_of.items()}
        for k in range(n_folds)
    ]


def one_fold(options: argparse.Namespace, parts: dict[str, splits.Part], folder: Path) -> Reports:
    """Train on all but one fold, compare with that one; reports of each model, one a seed."""
    folder.mkdir(parents=True, exist_ok=True)
    reports: Reports = {}
    # The product never trains on test scans, so that here it is the split itself that changes.
    with mock.patch.object(splits, "_known", return_value=parts):
        for name in options.models:
            run = folder / name
            recipe = read_recipe(*MODELS[name])
            train_model(recipe, options.data / HOME, run, device="cpu", cache=folder / CACHE)
            model = load_model(run)
            reports[name] = []
            for seed in options.seeds:
                report = judge(options, run, model, folder / f"{name}-{seed}", seed)
                reports[name].append(report)
            say(f"{folder.name}: {name} done")
    return reports


def page(options: argparse.Namespace, found: Sequence[Reports]) -> str:
    """Return the table."""
    lines = [
        f"{options.n} virtual volumes of each against each of {len(found)} folds, sampling seeds "
        f"{options.seeds}; mean over folds and seeds ± standard error.",
        "",
        f"| figure | {' | '.join(options.models)} |",
        "|---" * (1 + len(options.models)) + "|",
    ]
    for figure in DISTANCES:
        beyond = {name: distances(found, name, figure) for name in options.models}
        cells = [with_error(*pooled(*values)) for values in beyond.values()]
        lines.append(f"| {figure} beyond the floor | {' | '.join(cells)} |")
        if "prior" in beyond:
            shares = [share(values[0], beyond["prior"][0]) for values in beyond.values()]
            lines.append(f"| {figure}, share of the prior's (folds) | {' | '.join(shares)} |")
    for figure in OTHERS:
        cells = []
        for name in options.models:
            values, floors, _ = figures(found, name, figure)
            se = float(values.mean(axis=1).std(ddof=1) / np.sqrt(len(values)))
            cells.append(f"{with_error(float(values.mean()), se)} (real {floors.mean():.2f})")
        lines.append(f"| {figure} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def figures(
    found: Sequence[Reports], name: str, figure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return values, floors and standard errors of a figure, each (folds, seeds)."""
    rows = [[report.figure(figure) for report in fold[name]] for fold in found]
    values, floors, errors = (
        np.array([[getattr(row, of) or 0.0 for row in fold] for fold in rows])
        for of in ("value", "floor", "se")
    )
    return values, floors, errors


def distances(
    found: Sequence[Reports], name: str, figure: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return a distance beyond the floor, mean over seeds, and its jackknife error, by fold."""
    values, floors, errors = figures(found, name, figure)
    return (values - floors).mean(axis=1), errors.mean(axis=1)


def pooled(values: NDArray[np.float64], errors: NDArray[np.float64]) -> tuple[float, float]:
    """Mean over folds and its standard error: real volumes of folds are different ones."""
    return float(values.mean()), float(np.sqrt(np.square(errors).sum()) / len(values))


def share(values: NDArray[np.float64], of: NDArray[np.float64]) -> str:
    """Write a mean as percentage of another, and those of the folds behind it."""
    each = ", ".join(f"{100 * a / b:.0f}" for a, b in zip(values, of, strict=True))
    return f"{100 * values.mean() / of.mean():.0f} % ({each})"


if __name__ == "__main__":
    main()
