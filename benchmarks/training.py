"""What a training step costs: the batch, the step, and what layout and optimiser save.

    python benchmarks/training.py restore/slices_faithful --repeats 12
    python benchmarks/training.py --volumes scans/

The second form: what reading a folder costs, and what the cache of prepared scans saves.

CPU seconds of one thread, variants in turn, so that other work on the machine weighs on all alike.
Samples come from a made-up volume: what they show does not matter to the time.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from medgan.data.slice_samples import Volume
from medgan.data.space import Space
from medgan.data.volumes import TrainingVolumes, training_volumes
from medgan.pipeline.recipes import read_recipe
from medgan.restoration.task import RestorerTask
from medgan.synthesis.task import SynthesisTask
from medgan.training import Task
from medgan.training import trainer as training
from medgan.training.processes import Processes

N_WARM = 2
N_CLASSES = 2


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe", nargs="?")
    parser.add_argument("--volumes", type=Path)
    parser.add_argument("--repeats", type=int, default=12)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.volumes:
        measure_volumes(given.volumes)
    if given.recipe:
        measure_steps(given.recipe, given.repeats)


def measure_volumes(folder: Path) -> None:
    """Say how long it takes without a cache, with an empty one, and with a full one."""
    with tempfile.TemporaryDirectory() as place:
        cache = Path(place) / "cache"
        without = [seconds(lambda: training_volumes(folder)) for _ in range(3)]
        first = seconds(lambda: training_volumes(folder, cache=cache))
        again = [seconds(lambda: training_volumes(folder, cache=cache)) for _ in range(3)]
        sizes = [file.stat().st_size for file in cache.iterdir()]
    say(
        f"{len(sizes)} scans, {sum(sizes) / 1e6:.0f} MB: {statistics.median(without):.2f} s without"
        f", {first:.2f} s first, {statistics.median(again):.2f} s again"
    )


def measure_steps(name: str, repeats: int) -> None:
    """Say for each variant the median milliseconds a step, and its ratio to the first one."""
    changes = ["n_workers=0", "train.precision=float32"]
    if name.startswith("restore/"):
        changes.append("warm_start=null")
    recipe = read_recipe(name, changes)
    task = make_task(recipe)
    batches = task.batches(0)
    batch = next(batches)
    spent = [seconds(lambda: next(batches)) for _ in range(repeats)]
    say(f"a batch: {1e3 * statistics.median(spent):.1f} ms (n = {repeats})")

    variants = {
        "as torch has it": trainer(recipe, is_last=False, is_fused=False),
        "channels last": trainer(recipe, is_last=True, is_fused=False),
        "fused Adam": trainer(recipe, is_last=False, is_fused=True),
        "both, as it is": trainer(recipe, is_last=True, is_fused=True),
    }
    steps: dict[str, list[float]] = {variant: [] for variant in variants}
    for turn in range(N_WARM + repeats):
        for variant, one in variants.items():
            took = seconds(lambda one=one: one.one_step(batch))  # type: ignore[misc]
            if turn >= N_WARM:
                steps[variant].append(took)
    base = np.array(steps["as torch has it"])
    for variant, took in steps.items():
        low, middle, high = np.percentile(np.array(took) / base, [25, 50, 75])
        say(
            f"{variant:16} {1e3 * statistics.median(took):7.1f} ms a step, "
            f"ratio {middle:.3f} ({low:.3f} to {high:.3f})"
        )


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(f"{line}\n")


def seconds(work: Callable[[], Any]) -> float:
    """CPU seconds of a call."""
    started = time.process_time()
    work()
    return time.process_time() - started


def trainer(recipe: Any, *, is_last: bool, is_fused: bool) -> training.Trainer:
    """Make a trainer with or without each of the two."""
    adam = torch.optim.Adam
    with (
        mock.patch.object(training, "channels_last", training.channels_last if is_last else same),
        mock.patch.object(
            torch.optim, "Adam", lambda *args, fused: adam(*args, fused=fused and is_fused)
        ),
    ):
        return training.Trainer(make_task(recipe), recipe.train, "run", "cpu", Processes())


def same(network: torch.nn.Module) -> torch.nn.Module:
    """Leave a network as it is."""
    return network


def make_task(recipe: Any) -> Task:
    """Make the task of a recipe on a volume of blurred noise."""
    rng = np.random.default_rng(0)
    if recipe.kind == "restoration":
        values = gaussian_filter(rng.standard_normal((96, 96, 60)), 2).astype(np.float32)
        values = (values - values.min()) / np.ptp(values)
        volume = Volume(values, (1.0, 1.0, 1.0), (0, 1, 2), "made up")
        return RestorerTask(recipe, TrainingVolumes((volume,), ("0" * 64,), {}))
    labels = range(1, N_CLASSES + 1)
    space = Space(
        spatial_dims=recipe.spatial_dims,
        shape=tuple(recipe.data.shape),
        spacing_mm=(1, 1, 1),
        orientation="RAS",
        centre_mm=(0, 0, 0),
        modality="mr",
        label_values=tuple(labels),
        label_names={value: str(value) for value in labels},
    )
    n_slices = (9,) if recipe.spatial_dims == 2 else ()
    shape = (1 + N_CLASSES, *n_slices, *space.shape)
    images = rng.uniform(-1, 1, (20, *shape)).astype(np.float32)
    return SynthesisTask(recipe, space, [{"image": torch.from_numpy(one)} for one in images])


if __name__ == "__main__":
    main()
