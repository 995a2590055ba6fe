"""What a GPU is worth: training steps, memory, sampling, and whether it says what the CPU says.

    python benchmarks/gpu.py [--device cuda] [--seconds 4]

Shipped networks on both devices, two trainings from one seed, virtual volumes one by one; then the
one adversarial loop, gradient penalties included, for `slices_faithful`, and for `dcgan_3d` and the
refiner of `template_gan` at three sizes, in float32 and bfloat16, on one batch of made-up samples
that lies on the device: loading is not measured. Prints Markdown.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from training import make_task

from medgan.data.space import Space
from medgan.data.streams import stream
from medgan.models import load_model
from medgan.networks.slice_net import N_CONDITIONS, SliceInputs
from medgan.networks.template import DeformableTemplate
from medgan.pipeline.recipes import read_recipe
from medgan.synthesis.output import Output
from medgan.synthesis.refine_task import RefineTask
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.task import SynthesisTask
from medgan.training import Task
from medgan.training.processes import Processes
from medgan.training.trainer import Trainer

HOME = (32, 48, 32)
SIZES = ((HOME, 16), ((64, 64, 64), 8), ((128, 128, 128), 2))
"""Shapes, and volumes a step."""

SMALL = (((16, 16, 16), 2),)
N_CLASSES, N_ITEMS, N_MODES = 2, 4, 40
N_SEEDED = 12
PRECISIONS = ("float32", "bfloat16")


def main() -> None:
    """Run and print, row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, cuda:n or cpu")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each row")
    parser.add_argument("--small", action="store_true", help="tiny sizes, to try it out")
    options = parser.parse_args()
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        parser.error("there is no GPU here that torch can use; try --device cpu --small")
    sizes = SMALL if options.small else SIZES
    is_gpu = torch.device(options.device).type == "cuda"
    device = torch.cuda.get_device_name(options.device) if is_gpu else "the CPU"
    say(f"{device}, torch {torch.__version__}, {torch.get_num_threads()} CPU threads.\n")
    table("shipped network", "largest difference to the CPU", "of a range of", "without TF32")
    for name, make in SHIPPED.items():
        agreement(options.device, name, make)
    say("")
    repeated(options.device, sizes[0])
    say("")
    table("virtual volumes, one by one", "size", "seconds")
    sampling(options, 2 if options.small else 100, 32 if options.small else 128)
    say("")
    table("recipe", "size", "batch", "precision", "steps/s", "samples/s", "peak MiB")
    for batch in (2,) if options.small else (8, 64):
        for precision in PRECISIONS:
            steps(options, "restore/slices_faithful", ["warm_start=null"], (), batch, precision)
    for name in ("synthesize/dcgan_3d", "synthesize/template_gan"):
        for shape, batch in sizes:
            for precision in PRECISIONS:
                steps(options, name, [f"data.shape={list(shape)}"], shape, batch, precision)


def steps(
    options: argparse.Namespace,
    name: str,
    changes: list[str],
    shape: Sequence[int],
    batch: int,
    precision: str,
) -> None:
    """Print how many steps a second a recipe makes."""
    size = "x".join(map(str, shape)) or "crops"
    row = [name.split("/")[1], size, str(batch), precision]
    changes = [*changes, f"batch_size={batch}", f"train.precision={precision}"]
    try:
        rate, peak = measure(trainer(read_recipe(name, changes), options.device), options)
    except torch.OutOfMemoryError:
        say_row(*row, "out of memory", "", "")
        return
    say_row(*row, f"{rate:.3g}", f"{rate * batch:.3g}", peak)


def measure(one: Trainer, options: argparse.Namespace) -> tuple[float, str]:
    """Return the steps a second over whole intervals of penalties, and the peak of memory."""
    interval = one.settings.penalty_interval
    batch = one.task.to_device(next(one.task.batches(0)), options.device)
    is_gpu = torch.device(options.device).type == "cuda"
    if is_gpu:
        torch.cuda.reset_peak_memory_stats(options.device)

    def several(n_steps: int) -> float:
        started = time.perf_counter()
        for _ in range(n_steps):
            one.one_step(batch)  # ends with figures on the CPU: nothing is left to wait for
        return time.perf_counter() - started

    several(interval)
    n_done, spent = 0, 0.0
    while spent < options.seconds:
        spent += several(interval)
        n_done += interval
    peak = torch.cuda.max_memory_allocated(options.device) // 2**20 if is_gpu else "-"
    return n_done / spent, str(peak)


def trainer(recipe: Any, device: str) -> Trainer:
    """Make a trainer on made-up samples."""
    return Trainer(task_of(recipe), recipe.train, "run", device, Processes())


def task_of(recipe: Any) -> Task:
    """Make the task of a recipe."""
    if recipe.kind == "restoration":
        return make_task(recipe)
    space = space_of(recipe.data.shape)
    rng = np.random.default_rng(0)
    shape = (N_ITEMS, space.n_channels, *space.shape)
    images = torch.from_numpy(2 * rng.random(shape, dtype=np.float32) - 1)
    items = [{"image": one} for one in images]
    if recipe.kind == "template_gan":
        return RefineTask(recipe, space, items, template_of(space))
    return SynthesisTask(recipe, space, items)


def space_of(shape: Sequence[int]) -> Space:
    """Volumes of an MR with two labels."""
    labels = range(1, N_CLASSES + 1)
    return Space(
        spatial_dims=len(shape),
        shape=tuple(shape),
        spacing_mm=(1.0,) * len(shape),
        orientation="RAS",
        centre_mm=(0, 0, 0),
        modality="mr",
        label_values=tuple(labels),
        label_names={value: str(value) for value in labels},
    )


def template_of(space: Space) -> DeformableTemplate:
    """Make a template that bends by about a voxel and is grainy; what it shows does not matter."""
    template = DeformableTemplate(len(space.shape), space.n_channels, space.shape, N_MODES)
    source = torch.Generator().manual_seed(0)
    template.template.uniform_(-1, 1, generator=source)
    template.velocity_modes.normal_(0, 0.05, generator=source)
    template.fine_spread.fill_(0.1)
    template.fine_spectrum.fill_(1)
    return template


def sampling(options: argparse.Namespace, n: int, side: int) -> None:
    """Print what virtual volumes cost, of the shipped model and of a large template."""
    model = load_model("hippocampus-3d", device=options.device)
    latent = Output.model_validate(model.info.expects).latent
    large = template_of(space_of((side,) * 3)).to(options.device)
    rows = (("hippocampus-3d", model.network, latent, n, HOME), ("template", large, 0, 1, side))
    for name, network, length, n_drawn, shape in rows:
        length = length or large.latent
        draw_sample(network, length, 0, 0)
        started = time.perf_counter()
        for index in range(n_drawn):
            draw_sample(network, length, 0, index)
        spent = time.perf_counter() - started
        size = "x".join(map(str, shape)) if isinstance(shape, tuple) else "x".join([str(shape)] * 3)
        say_row(f"{name}, {n_drawn}", size, f"{spent:.2f}")


def slices() -> tuple[Any, ...]:
    """Make four missing slices of 128x128 between random neighbours."""
    rng = stream(0, "slices")
    n, side = 4, 128
    n_seen = 6
    parts = (
        rng.random((n, n_seen, side, side)),
        np.full((n, 2, n_seen), 1 / n_seen),
        rng.standard_normal((n, 2, side, side)),
        np.full(n, 0.5),
        rng.standard_normal((n, N_CONDITIONS)) / 4,
    )
    return (SliceInputs(*(torch.from_numpy(part.astype(np.float32)) for part in parts)),)


def noisy() -> tuple[Any, ...]:
    """Make four stacks of five random slices."""
    return (torch.from_numpy(stream(0, "noisy").random((4, 5, 128, 128), dtype=np.float32)),)


def latents() -> tuple[Any, ...]:
    """Draw four latent vectors of the shipped template."""
    latent = load_model("hippocampus-3d").network.latent
    assert isinstance(latent, int)
    return (torch.from_numpy(stream(0, "z").standard_normal((4, latent), dtype=np.float32)),)


SHIPPED: dict[str, Callable[[], tuple[Any, ...]]] = {
    "slices-faithful": slices,
    "denoise": noisy,
    "hippocampus-3d": latents,
}


@torch.no_grad()
def agreement(device: str, name: str, make: Callable[[], tuple[Any, ...]]) -> None:
    """Print the largest difference between what a network says on both devices."""
    network, given = load_model(name).network, make()
    wanted = network(*given)
    moved = [moved_to(one, device) for one in given]
    apart = []
    was_allowed = torch.backends.cudnn.allow_tf32
    for is_allowed in (was_allowed, False):
        torch.backends.cudnn.allow_tf32 = is_allowed
        apart.append(float((network.to(device)(*moved).cpu() - wanted).abs().max()))
    torch.backends.cudnn.allow_tf32 = was_allowed
    say_row(name, f"{apart[0]:.1e}", f"{float(wanted.max() - wanted.min()):.2f}", f"{apart[1]:.1e}")


def moved_to(given: Any, device: str) -> Any:
    """Move a tensor, or a tuple of them."""
    if isinstance(given, Tensor):
        return given.to(device)
    return type(given)(*(one.to(device) for one in given))


def repeated(device: str, size: tuple[tuple[int, ...], int]) -> None:
    """Say how far two trainings from one seed are apart."""
    shape, batch = size
    changes = [f"data.shape={list(shape)}", f"batch_size={batch}"]
    for name in ("synthesize/dcgan_3d", "synthesize/template_gan"):
        ends = [trained(read_recipe(name, changes), device) for _ in range(2)]
        apart = float((ends[0] - ends[1]).abs().max())
        word = "equal to the bit" if apart == 0 else f"at most {apart:.1e} apart"
        say(f"- Two times {N_SEEDED} steps of {name} from one seed: weights {word}.")


def trained(recipe: Any, device: str) -> Tensor:
    """Return all weights of a generator after some steps."""
    one = trainer(recipe, device)
    batches = one.task.batches(0)
    for _ in range(N_SEEDED):
        one.one_step(one.task.to_device(next(batches), device))
    return nn.utils.parameters_to_vector(one.generator.parameters()).detach().cpu()


def table(*heads: str) -> None:
    """Print the head of a table."""
    say_row(*heads)
    say("|---" * len(heads) + "|")


def say_row(*cells: str) -> None:
    """Print a row."""
    say(f"| {' | '.join(cells)} |")


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
