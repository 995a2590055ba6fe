"""Modes of phantoms that a GAN covers, and how steady its training is from seed to seed.

    python benchmarks/modes.py [--recipe synthesize/phantoms_3d] [--seeds 0,1,2] [--minutes 20]
        [--set train.steps=1000] [--n 1280] [--per-mode 20] [--work FOLDER] [--out FILE]

Writes phantoms of 64 kinds (`mode_phantoms.py`) as NIfTI files, trains on them by the road that
`medgan train` takes, draws cases by the road of `medgan synthesize`, and reads the kind of each by
a closed-form rule; the phantoms themselves stand beside it. Prints Markdown, one line a training.
`--recipe` may come several times; without it, the linear prior and the GAN are trained.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import mode_phantoms
import nibabel as nib
import numpy as np
import torch
from mode_phantoms import MODES, Floats, mode_of
from numpy.typing import NDArray

from medgan.errors import DivergedError
from medgan.models import load_model
from medgan.pipeline.recipes import read_recipe, steps_of
from medgan.pipeline.run_folder import CACHE
from medgan.pipeline.training import teller, train_model
from medgan.synthesis import synthesize
from medgan.training import alarms
from medgan.training.checkpoint import load_state

RECIPES = ["synthesize/prior", "synthesize/phantoms_3d"]
PHANTOMS = "phantoms"
OF_PRIOR = ["data.shape=[16,16,16]", "data.intensity=window", "data.window_hu=[0,1000]"]
"""What the recipe of the prior must be told of the phantoms."""
STANDING = {
    "saturated discriminator": alarms.SURE_STEPS,
    "dead discriminator": alarms.SILENT_STEPS,
    "collapse": alarms.VARIETY_LOOKS,
    "runaway contrast": alarms.VARIETY_LOOKS,
    "runaway penalty": alarms.STEEPER_TIMES,
    "drifting average": alarms.APART_LOOKS,
}
"""Suspicious looks in a row from which an alarm is raised."""
ENOUGH = 5
"""Samples of a mode for the stricter count."""


@dataclass(frozen=True)
class Count:
    """What a set of volumes shows.

    Parameters
    ----------
    n_modes, n_modes_enough
        Modes of which there is a sample, and of which there are five.
    valid
        Share that is a phantom of some mode.
    divergence
        Kullback-Leibler, of the modes of valid samples from the uniform distribution, nats.
    spread
        Over that of the training phantoms, see `training.alarms.variety`.
    """

    n_modes: int
    n_modes_enough: int
    valid: float
    divergence: float
    spread: float


def main() -> None:
    """Run and print."""
    options = parse_arguments()
    check_rule()
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        training_set = write_phantoms(work / PHANTOMS, options.per_mode)
        rows = reference_rows(training_set, options.n)
        for name in options.recipe:
            for seed in options.seeds:
                rows.append(trained_row(options, name, seed, work, training_set))
                say(rows[-1])
    text = page(rows, options)
    sys.stdout.write(text)
    if options.out:
        options.out.write_text(text)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", action="append", default=[], help="of a GAN; several times")
    parser.add_argument("--seeds", type=lambda text: [int(s) for s in text.split(",")], default=[0])
    parser.add_argument("--minutes", type=float, help="of each training; default: all its steps")
    parser.add_argument("--set", action="append", default=[], help="key=value of the recipe")
    parser.add_argument("--n", type=int, default=1280, help="samples of each model")
    parser.add_argument("--per-mode", type=int, default=20, help="phantoms written of each mode")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--work", type=Path, help="folder to keep phantoms and runs in")
    parser.add_argument("--out", type=Path, help="Markdown file")
    options = parser.parse_args()
    options.recipe = options.recipe or RECIPES
    return options


def check_rule() -> None:
    """Make sure that the rule reads every mode, and nothing from what is no phantom."""
    rng = np.random.default_rng(0)
    fresh = [mode_phantoms.draw(mode, rng) for mode in MODES for _ in range(10)]
    wrong = sum(mode_of(volume) != MODES[i // 10] for i, volume in enumerate(fresh))
    noise = [rng.normal(400, 200, fresh[0].shape) for _ in range(100)]
    seen = sum(mode_of(volume) is not None for volume in [np.mean(fresh, axis=0), *noise])
    if wrong > len(fresh) // 100 or seen:
        raise SystemExit(f"the rule misreads {wrong} of {len(fresh)} phantoms, {seen} non-phantoms")


def write_phantoms(folder: Path, per_mode: int) -> NDArray[np.float32]:
    """Write as many phantoms of each mode as files, and return them, (n, 16, 16, 16)."""
    rng = np.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    volumes = []
    for number in range(per_mode * len(MODES)):
        volume = np.rint(mode_phantoms.draw(MODES[number % len(MODES)], rng)).astype(np.int16)
        nib.save(nib.Nifti1Image(volume, np.eye(4)), folder / f"phantom_{number:05d}.nii")
        volumes.append(volume)
    return np.stack(volumes).astype(np.float32)


def reference_rows(training_set: NDArray[np.float32], n: int) -> list[str]:
    """Count the training set, and phantoms of modes drawn at random: as good as can be."""
    rng = np.random.default_rng(2)
    random = [mode_phantoms.draw(MODES[at], rng) for at in rng.integers(len(MODES), size=n)]
    return [
        row("training set", "", "", "", count(training_set, training_set)),
        row("fresh phantoms, modes at random", "", "", "", count(random, training_set)),
    ]


def trained_row(
    options: argparse.Namespace,
    name: str,
    seed: int,
    work: Path,
    training_set: NDArray[np.float32],
) -> str:
    """Train or fit, or go on with a run that is there; draw, count, and return a line."""
    recipe = read_recipe(name, settings_of(options, name, seed, len(training_set)))
    title = f"{recipe.name}, seed {seed}"
    run = work / f"{recipe.name}-{seed}"
    say(f"{title}: training")
    started = time.process_time()
    try:
        trained = train_model(
            recipe,
            work / PHANTOMS,
            run,
            device=options.device,
            cache=work / CACHE,
            progress=teller(say, steps_of(recipe)),
        )
    except DivergedError as error:
        return row(title, "", "no", error.what, None)
    seconds = time.process_time() - started
    model = load_model(run)
    samples = [case.image.values for case in synthesize(model, options.n, seed)]
    tensors = [value for value in model.network.state_dict().values() if value.is_floating_point()]
    is_finite = all(torch.isfinite(value).all() for value in tensors)
    state = load_state(run)
    counts = state["watch"]["counts"] if state else {}
    standing = [name for name, patience in STANDING.items() if counts.get(name, 0) >= patience]
    told = f"{', '.join(sorted(set(trained.alarms))) or 'none'} / {', '.join(standing) or 'none'}"
    effort = f"{trained.n_steps} / {seconds:.0f}"
    found = count(samples, training_set) if np.isfinite(samples).all() else None
    finite = "yes" if is_finite and found else "no"
    return row(title, effort, finite, told, found)


def settings_of(options: argparse.Namespace, name: str, seed: int, n_cases: int) -> list[str]:
    """Return what a recipe is told, as `--set` takes it."""
    if read_recipe(name).kind == "prior":
        return [*OF_PRIOR, f"max_samples={n_cases}", f"seed={seed}"]
    told = [*options.set, f"train.seed={seed}"]
    return [*told, f"train.max_minutes={options.minutes}"] if options.minutes else told


def count(volumes: Sequence[Floats], training_set: NDArray[np.float32]) -> Count:
    """Read the mode of every volume."""
    modes = Counter(mode_of(np.asarray(volume)) for volume in volumes)
    n_valid = len(volumes) - modes.pop(None, 0)
    shares = np.array(list(modes.values())) / max(n_valid, 1)
    return Count(
        n_modes=len(modes),
        n_modes_enough=sum(n >= ENOUGH for n in modes.values()),
        valid=n_valid / len(volumes),
        divergence=float((shares * np.log(shares * len(MODES))).sum()) if n_valid else math.inf,
        spread=alarms.variety(torch.from_numpy(np.stack(volumes)), torch.from_numpy(training_set)),
    )


def row(title: str, effort: str, finite: str, told: str, found: Count | None) -> str:
    """Return one line of the table."""
    if found is None:
        return f"| {title} | {effort} | {finite} | {told} | | | | | |"
    return (
        f"| {title} | {effort} | {finite} | {told} | {found.n_modes} | {found.n_modes_enough} | "
        f"{100 * found.valid:.1f} % | {found.divergence:.3f} | {found.spread:.2f} |"
    )


def page(rows: Sequence[str], options: argparse.Namespace) -> str:
    """Return the table and what it says."""
    head = (
        f"{options.n} samples each; {options.per_mode} phantoms written of each of {len(MODES)} "
        "modes, 15 % of them held out of training."
    )
    columns = [
        "what",
        "steps / processor s",
        "finite",
        "alarms raised / standing",
        "modes hit",
        f"{ENOUGH} times or more",
        "valid",
        "divergence, nats",
        "spread",
    ]
    lines = [head, "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|", *rows]
    return "\n".join(lines) + "\n"


def say(text: str) -> None:
    """Tell on stderr how far it is."""
    sys.stderr.write(text + "\n")


if __name__ == "__main__":
    main()
