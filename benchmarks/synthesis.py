"""Virtual hippocampi of a generator trained here, beside a linear prior and real against real.

    python benchmarks/synthesis.py DATA [--recipe synthesize/dcgan_3d] [--minutes 10] [--n 200]
        [--seeds 0,1,2] [--set train.seed=1] [--model RUN] [--utility] [--work FOLDER]

Trains on the training part of `configs/splits.yaml`, samples, writes NIfTI files, reads them back
and compares them with the 60 test volumes: everything goes through the same steps as
`medgan evaluate synthetic`. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple
from pathlib import Path

import numpy as np
from linear_prior import LinearPrior

from medgan.data import index_cases
from medgan.evaluation import ARROWS, Figure, SyntheticReport
from medgan.models import ModelInfo, load_model
from medgan.pipeline.judge_virtual import Sides, judge_synthetic
from medgan.pipeline.training import CACHE, read_recipe, teller, train_model
from medgan.record import dump
from medgan.synthesis import (
    SynthesizeRecipe,
    VirtualCase,
    export_case,
    gather,
    output_of,
    synthesize,
    write_manifest,
)
from medgan.synthesis.calibration import calibrate
from medgan.synthesis.place import place

HOME = "hippocampus"
PRIOR = "linear-prior"


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        run = options.model or train(options, work / "run")
        methods: dict[str, Callable[[int], Iterable[VirtualCase]]] = {}
        if not options.no_prior:
            methods[PRIOR] = prior_cases(options, run)
        model = load_model(run)
        methods[model.info.name] = lambda seed: synthesize(model, options.n, seed)
        reports = {
            name: [
                judge(options, run, named(model.info, name), cases(seed), work / name, seed)
                for seed in options.seeds
            ]
            for name, cases in methods.items()
        }
    text = page(reports, model.info)
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--recipe", default="synthesize/dcgan_3d")
    parser.add_argument("--minutes", type=float, default=10.0, help="of training")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe")
    parser.add_argument("--model", type=Path, help="a finished run; nothing is trained")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--n", type=int, default=200, help="virtual volumes per seed")
    parser.add_argument(
        "--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0, 1, 2]
    )
    parser.add_argument("--utility", action="store_true", help="train U-Nets too; minutes a seed")
    parser.add_argument("--no-prior", action="store_true")
    parser.add_argument("--work", type=Path, help="folder to keep the run, files and reports in")
    parser.add_argument("--out", type=Path, help="Markdown file")
    return parser.parse_args()


def train(options: argparse.Namespace, run: Path) -> Path:
    """Train for the minutes asked for, or go on with a run that is there."""
    recipe = read_recipe(options.recipe, [*options.set, f"train.max_minutes={options.minutes}"])
    progress = teller(say, recipe.train.steps)
    trained = train_model(
        recipe, options.data / HOME, run, device=options.device, progress=progress
    )
    say(f"{trained.n_steps} steps, alarms: {', '.join(trained.alarms) or 'none'}")
    return run


def prior_cases(options: argparse.Namespace, run: Path) -> Callable[[int], Iterator[VirtualCase]]:
    """Fit the linear prior to the very samples the generator was trained on."""
    info = load_model(run).info
    recipe = SynthesizeRecipe.model_validate(info.training["recipe"])
    cache = run / CACHE
    cache.mkdir(exist_ok=True)
    material = gather(recipe, index_cases(options.data / HOME), cache)
    samples = [material.prepared[index]["image"].numpy() for index in range(len(material.prepared))]
    prior = LinearPrior(np.stack(samples))
    output = output_of(info)
    labels = [prior.draw(recipe.train.seed, i, "calibration")[1:] for i in range(64)]
    offsets = calibrate(np.stack(labels), output.label_volumes)
    calibrated = output.model_copy(update={"label_offsets": offsets, "largest_part": True})

    def draw(seed: int) -> Iterator[VirtualCase]:
        return (place(prior.draw(seed, i), calibrated, i, seed) for i in range(options.n))

    return draw


def judge(
    options: argparse.Namespace,
    run: Path,
    info: ModelInfo,
    cases: Iterable[VirtualCase],
    beside: Path,
    seed: int,
) -> SyntheticReport:
    """Write cases as files and compare what is read back with the held-out volumes."""
    folder = beside.with_name(f"{beside.name}-{seed}")
    records = [export_case(case, folder, ["nifti"], info) for case in cases]
    write_manifest(records, folder, ["nifti"], info)
    sides = Sides(model=str(run), seed=seed, utility=options.utility)
    report = judge_synthetic(options.data / HOME, folder, sides, say)
    (folder / "report.json").write_text(dump(report.as_json()))
    return report


def named(info: ModelInfo, name: str) -> ModelInfo:
    """Return the description under which a method's files are written."""
    return info.model_copy(update={"name": name})


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    sys.stderr.write(text + "\n")


def page(reports: dict[str, list[SyntheticReport]], info: ModelInfo) -> str:
    """Return the table, and below it what else was found."""
    first = next(iter(reports.values()))[0]
    lines = [
        f"{first.n_fake} virtual against {first.n_test} real test volumes, {first.n_train} trained "
        f"on; {info.name}, {info.training['steps']} steps; one training, "
        f"{len(next(iter(reports.values())))} sampling seeds: mean ± the larger of standard error "
        "and spread over seeds.",
        "",
        f"| figure | good | real against real | {' | '.join(reports)} |",
        "|---" * (3 + len(reports)) + "|",
    ]
    for figure in first.figures:
        cells = [cell([r.figure(figure.name) for r in several]) for several in reports.values()]
        floor = number(figure.floor, figure.floor_se)
        lines.append(f"| {figure.name} | {ARROWS[figure.good]} | {floor} | {' | '.join(cells)} |")
    lines += ["", "| label statistic | real test | " + " | ".join(reports) + " |"]
    lines.append("|---" * (2 + len(reports)) + "|")
    for at, statistic in enumerate(first.label_statistics):
        cells = [
            number(s.fake_mean, s.fake_sd)
            for s in (several[0].label_statistics[at] for several in reports.values())
        ]
        real = number(statistic.real_mean, statistic.real_sd)
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
    return number(float(values.mean()), error or None)


def number(value: float, error: float | None) -> str:
    """Write a figure with its error, in as many digits as say something."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    shown = f"{value:.{digits}f}"
    return shown if error is None else f"{shown} ± {error:.{digits}f}"


if __name__ == "__main__":
    main()
