"""What virtual cases add where few real ones are labelled: hippocampi, a small U-Net, Dice.

    python benchmarks/few_cases.py DATA [--cases 8,20] [--seeds 0,1,2] [--n 200] [--steps 300]
        [--recipe synthesize/template] [--set n_modes=10] [--real-share 0.5]
        [--judge test] [--work FOLDER] [--out FILE]

A seed draws so many of the 140 training volumes of `configs/splits.yaml`. A synthesizer is trained
on those alone by the ordinary road, its cases are written as NIfTI and read back, and three U-Nets
of `medgan.evaluation` learn from the real cases, from the virtual ones and from both, each for the
same number of steps with the same ordinary augmentation. Every one is judged on the 60 test
volumes. Settings are chosen with `--judge left`: 60 training volumes that were not drawn. Prints
Markdown. What is in `--work` is not done again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

from medgan.assessment.image_cases import Case, as_sets, real_cases, virtual_cases
from medgan.data.splits import part_of_hash
from medgan.evaluation.image_set import ImageSet, join
from medgan.evaluation.utility import STEPS, learned_dice
from medgan.models import load_model
from medgan.pipeline.recipes import read_recipe
from medgan.pipeline.training import train_model
from medgan.record import dump
from medgan.settings import digest
from medgan.synthesis import export_case, synthesize, write_manifest

HOME = "hippocampus"
N_JUDGES = 60
KINDS = ("real", "virtual", "both")

Scores = dict[str, NDArray[np.float64]]


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    known = {case.name: case for case in real_cases(options.data / HOME)}
    lines = heading(options)
    with tempfile.TemporaryDirectory() as scratch:
        for n in options.cases:
            found = [one_draw(options, known, n, s, options.work or scratch) for s in options.seeds]
            lines.append(row(n, found))
    text = "\n".join(lines) + "\n"
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""

    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--cases", type=numbers, default=[8, 20], help="labelled cases there are")
    parser.add_argument("--seeds", type=numbers, default=[0, 1, 2], help="of draws and trainings")
    parser.add_argument("--n", type=int, default=200, help="virtual cases")
    parser.add_argument("--steps", type=int, default=STEPS, help="of each U-Net, 8 volumes each")
    parser.add_argument("--recipe", default="synthesize/template")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe")
    parser.add_argument(
        "--real-share", type=float, help="of real cases among both; default: as many as there are"
    )
    parser.add_argument("--judge", choices=["test", "left"], default="test")
    parser.add_argument("--work", type=Path, help="folder to keep models, files and scores in")
    parser.add_argument("--out", type=Path, help="Markdown file")
    return parser.parse_args()


def one_draw(
    options: argparse.Namespace, known: dict[str, Case], n: int, seed: int, work: str | Path
) -> Scores:
    """Draw cases, make virtual ones of them, and return Dice by what was learned from."""
    order = np.random.default_rng((seed, n)).permutation(named(known, ("train", "validation")))
    drawn = sorted(order[:n])
    judges = named(known, ("test",)) if options.judge == "test" else sorted(order[n:][:N_JUDGES])
    folder = Path(work) / f"{n}-cases-seed-{seed}"
    of_recipe = digest(read_recipe(options.recipe, options.set))[:8]
    what = f"{options.judge}-{options.steps}-{options.n}-{options.real_share}-{of_recipe}"
    kept = folder / f"dice-{what}.json"
    if not kept.is_file():
        virtual = make_virtual(options, drawn, folder, seed)
        real, fake, test = as_sets(
            [[known[name] for name in drawn], virtual, [known[name] for name in judges]]
        )
        scores = measure(options, real, fake, test, seed)
        kept.write_text(dump({kind: values.tolist() for kind, values in scores.items()}))
    return {kind: np.array(values) for kind, values in json.loads(kept.read_text()).items()}


def named(known: dict[str, Case], roles: Sequence[str]) -> list[str]:
    """Return the names of the cases of some parts of the split, sorted."""
    parts = {name: part_of_hash(case.sha256) for name, case in known.items()}
    return sorted(name for name, part in parts.items() if part and part.role in roles)


def make_virtual(
    options: argparse.Namespace, drawn: Sequence[str], folder: Path, seed: int
) -> list[Case]:
    """Train on the drawn cases alone, write virtual cases and read them back."""
    for kind in ("images", "labels"):
        (folder / "real" / kind).mkdir(parents=True, exist_ok=True)
        for name in drawn:
            link = folder / "real" / kind / f"{name}.nii.gz"
            if not link.is_symlink():
                link.symlink_to((options.data / HOME / kind / link.name).resolve())
    recipe = read_recipe(options.recipe, options.set)
    trained = train_model(recipe, folder / "real", folder / "model", device="cpu")
    model = load_model(folder / "model")
    cases = synthesize(model, options.n, seed)
    out = folder / "virtual"
    records = [export_case(case, out, ["nifti"], model.info) for case in cases]
    write_manifest(records, out, ["nifti"], model.info)
    say(f"{folder.name}: {trained.n_steps} steps, {len(records)} virtual cases")
    return virtual_cases(out)


def measure(
    options: argparse.Namespace, real: ImageSet, fake: ImageSet, test: ImageSet, seed: int
) -> Scores:
    """Train the three U-Nets alike; Dice (n,) of each."""
    share = options.real_share
    # A batch draws from the joined set evenly, so that a share is set by repeating real cases.
    times = 1 if share is None else max(1, round(share / (1 - share) * len(fake) / len(real)))
    sets = (real, fake, join(real.take(list(range(len(real))) * times), fake))
    scores = {}
    for kind, images in zip(KINDS, sets, strict=True):
        scores[kind] = learned_dice(images, test, real.classes, seed, options.steps)
        say(f"{kind}: Dice {100 * scores[kind].mean():.1f}")
    return scores


def heading(options: argparse.Namespace) -> list[str]:
    """Return what was done and the head of the table."""
    changes = " ".join(["", *(f"--set {change}" for change in options.set)])
    judged = "test volumes" if options.judge == "test" else "training volumes that were not drawn"
    share = "as they come" if options.real_share is None else f"{options.real_share:g} real"
    return [
        f"{options.recipe}{changes}, {options.n} virtual cases, both: {share}; U-Nets of "
        f"{options.steps} steps; seeds {options.seeds}; Dice x 100 on {N_JUDGES} {judged}, mean ± "
        "standard error over seeds and subjects.",
        "",
        "| real cases | real | virtual | both | both - real | each seed | virtual - real |",
        "|---" * 7 + "|",
    ]


def row(n: int, found: Sequence[Scores]) -> str:
    """Return one line of the table."""
    real, virtual, both = (np.stack([scores[kind] for scores in found]) for kind in KINDS)
    each = " ".join(f"{100 * value:+.1f}" for value in (both - real).mean(axis=1))
    cells = [shown(values) for values in (real, virtual, both, both - real)]
    return f"| {n} | {' | '.join(cells)} | {each} | {shown(virtual - real)} |"


def shown(values: NDArray[np.float64]) -> str:
    """Mean of values (seeds, subjects) and its standard error.

    Seeds and subjects both count as drawn: the variance of the mean over seeds and that of the mean
    over subjects are added, which counts what is left of both twice and is never too small by it.
    """
    variance = sum(
        values.mean(axis=other).var(ddof=1) / values.shape[axis]
        for axis, other in ((0, 1), (1, 0))
        if values.shape[axis] > 1
    )
    return f"{100 * values.mean():.1f} ± {100 * np.sqrt(variance):.1f}"


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    main()
