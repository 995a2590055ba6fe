"""Virtual hippocampi of several models trained here, beside each other and real against real.

    python benchmarks/synthesis.py DATA [--recipe synthesize/dcgan_3d] [--minutes 10] [--n 200]
        [--seeds 0,1,2] [--set train.seed=1] [--model RUN] [--utility] [--work FOLDER]

Trains on the training part of `configs/splits.yaml`, samples, writes NIfTI files, reads them back
and compares them with the 60 test volumes: everything goes through the same steps as
`medgan evaluate synthetic`. Prints Markdown. `--recipe` and `--model` (a finished run) may come
several times, and columns are named by their folders; without either, the linear prior, the
template and the DCGAN are trained.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path

import numpy as np

from medgan.assessment.virtual import Sides, judge_synthetic
from medgan.evaluation import ARROWS, Figure, SyntheticReport
from medgan.evaluation.synthetic_report import with_error
from medgan.models import Model, ModelInfo, load_model
from medgan.pipeline.recipes import read_recipe, steps_of
from medgan.pipeline.run_folder import CACHE
from medgan.pipeline.training import teller, train_model
from medgan.record import dump
from medgan.synthesis import export_case, synthesize, write_manifest

HOME = "hippocampus"
RECIPES = ["synthesize/prior", "synthesize/template", "synthesize/dcgan_3d"]


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        runs = list(options.model)
        recipes = options.recipe or ([] if runs else RECIPES)
        runs += [train(options, recipe, work / Path(recipe).stem) for recipe in recipes]
        models = {run.name: (run, load_model(run)) for run in runs}
        reports = {
            name: [judge(options, run, model, work / f"{name}-{s}", s) for s in options.seeds]
            for name, (run, model) in models.items()
        }
    text = page(reports, {name: model.info for name, (_, model) in models.items()})
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", action="append", default=[], help="trained first")
    parser.add_argument("--minutes", type=float, default=10.0, help="of a GAN's training")
    parser.add_argument("--set", action="append", default=[], help="key=value of every recipe")
    parser.add_argument("--model", type=Path, action="append", default=[], help="a finished run")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--n", type=int, default=200, help="virtual volumes per seed")
    parser.add_argument(
        "--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2]
    )
    parser.add_argument("--utility", action="store_true", help="train U-Nets too; minutes a seed")
    parser.add_argument("--work", type=Path, help="folder to keep the runs, files and reports in")
    parser.add_argument("--out", type=Path, help="Markdown file")
    return parser.parse_args()


def train(options: argparse.Namespace, name: str, run: Path) -> Path:
    """Train for the minutes asked for, or go on with a run that is there."""
    recipe = read_recipe(name, options.set)
    if recipe.kind in ("synthesis", "template_gan"):
        recipe = read_recipe(name, [*options.set, f"train.max_minutes={options.minutes}"])
    trained = train_model(
        recipe,
        options.data / HOME,
        run,
        device=options.device,
        cache=run.parent / CACHE,
        progress=teller(say, steps_of(recipe)),
    )
    say(f"{name}: {trained.n_steps} steps, alarms: {', '.join(trained.alarms) or 'none'}")
    return run


def judge(
    options: argparse.Namespace, run: Path, model: Model, folder: Path, seed: int
) -> SyntheticReport:
    """Write cases as files and compare what is read back with the held-out volumes."""
    cases = synthesize(model, options.n, seed)
    records = [export_case(case, folder, ["nifti"], model.info) for case in cases]
    write_manifest(records, folder, ["nifti"], model.info)
    sides = Sides(model=str(run), seed=seed, utility=options.utility)
    report = judge_synthetic(options.data / HOME, folder, sides, say)
    (folder / "report.json").write_text(dump(report.as_json()))
    return report


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    sys.stderr.write(text + "\n")


def page(reports: dict[str, list[SyntheticReport]], infos: Mapping[str, ModelInfo]) -> str:
    """Return the table, and below it what else was found."""
    first = next(iter(reports.values()))[0]
    steps = ", ".join(f"{name} {info.training['steps']} steps" for name, info in infos.items())
    lines = [
        f"{first.n_fake} virtual against {first.n_test} real test volumes, {first.n_train} trained "
        f"on; {steps}; one training, "
        f"{len(next(iter(reports.values())))} sampling seeds: mean ± the larger of standard error "
        "and spread over seeds.",
        "",
        f"| figure | good | real against real | {' | '.join(reports)} |",
        "|---" * (3 + len(reports)) + "|",
    ]
    for figure in first.figures:
        cells = [cell([r.figure(figure.name) for r in several]) for several in reports.values()]
        floor = with_error(figure.floor, figure.floor_se)
        lines.append(f"| {figure.name} | {ARROWS[figure.good]} | {floor} | {' | '.join(cells)} |")
    lines += ["", "| label statistic | real test | " + " | ".join(reports) + " |"]
    lines.append("|---" * (2 + len(reports)) + "|")
    for at, statistic in enumerate(first.label_statistics):
        cells = [
            with_error(s.fake_mean, s.fake_sd)
            for s in (several[0].label_statistics[at] for several in reports.values())
        ]
        real = with_error(statistic.real_mean, statistic.real_sd)
        lines.append(f"| {statistic.name} | {real} | {' | '.join(cells)} |")
    for name, several in reports.items():
        lines += ["", f"**{name}** (seed {several[0].seed}): {several[0].sentence}", ""]
        lines.append(
            f"Finite, collapse, copies: {', '.join(map(words, astuple(several[0].verdict)))}."
        )
        lines += [f"- {warning}" for warning in several[0].warnings]
    return "\n".join(lines) + "\n"


def words(flag: bool) -> str:
    """Say a flag."""
    return "yes" if flag else "no"


def cell(figures: list[Figure | None]) -> str:
    """Mean over seeds of one figure."""
    known = [figure for figure in figures if figure is not None]
    values = np.array([figure.value for figure in known])
    spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    error = max([spread, *(figure.se or 0.0 for figure in known)])
    return with_error(float(values.mean()), error or None)


if __name__ == "__main__":
    main()
