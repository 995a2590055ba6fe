"""What the adversarial loop must be told about thick slices, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from monai.data.dataloader import DataLoader
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from medgan.data.loading import undisturbed
from medgan.data.share import WHOLE
from medgan.data.slab_inputs import REACH, SlabArrays
from medgan.data.slab_samples import SlabSample, SlabSampler
from medgan.data.streams import stream
from medgan.data.volumes import TrainingVolumes
from medgan.models import ModelInfo
from medgan.networks import build
from medgan.networks.slab_net import SlabInputs
from medgan.restoration.slab_recipe import SlabRecipe
from medgan.restoration.warm_start import start_from
from medgan.training import Result, train

N_SHOWN = 8


class SlabBatch(NamedTuple):
    """Thick slices with the thin ones they are means of; intensities about 0..1.

    Parameters
    ----------
    inputs
        What the network sees.
    target
        (B S, 1, h, w) the thin slices, slab by slab.
    weight
        (B S,) of their errors in the reconstruction loss.
    """

    inputs: SlabInputs
    target: Tensor
    weight: Tensor


class SlabTask:
    """Undo the averaging of complete scans; see `training.Task`.

    Parameters
    ----------
    recipe
        Networks, batch and loss.
    material
        Scans to make thick.
    """

    share = WHOLE

    def __init__(self, recipe: SlabRecipe, material: TrainingVolumes) -> None:
        self.recipe = recipe
        seed = recipe.train.seed
        self.sampler = SlabSampler(material.volumes, recipe.slabs, seed, recipe.batch_size)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(seed, "weights").integers(2**63)))
            self.generator: nn.Module = build("slab_net", network_settings(recipe))
            self.discriminator: nn.Module = build("slice_critic", recipe.discriminator.model_dump())

    def batches(self, start: int) -> Iterator[SlabBatch]:
        """Yield batches of step `start`, `start + 1`, ... until the recipe's last step."""
        n = self.recipe.batch_size
        loader = DataLoader(
            _Samples(self.sampler),
            batch_sampler=[
                self.share.numbers(step, n) for step in range(start, self.recipe.train.steps)
            ],
            collate_fn=collate,
            num_workers=self.recipe.n_workers,
            generator=torch.Generator().manual_seed(0),  # leaves the global state be
            worker_init_fn=undisturbed,
        )
        return iter(loader)

    def to_device(self, batch: SlabBatch, device: str) -> SlabBatch:
        """Move a batch."""
        return SlabBatch(batch.inputs.to(device), batch.target.to(device), batch.weight.to(device))

    def generate(self, generator: nn.Module, batch: SlabBatch, step: int) -> Tensor:
        """Make thin slices, (B S, 1, h, w), about 0..1; nothing is random here."""
        thin: Tensor = generator(batch.inputs)
        return thin.flatten(0, 1)[:, None]

    def real(self, batch: SlabBatch) -> Tensor:
        """Return the true thin slices, (B S, 1, h, w)."""
        return batch.target

    def condition(self, batch: SlabBatch) -> Tensor | None:
        """Nothing: the critic judges whether a slice looks measured."""
        return None

    def reconstruction(self, fake: Tensor, batch: SlabBatch) -> Tensor | None:
        """Charbonnier loss, sqrt(d^2 + eps^2) - eps, weighted by sample."""
        eps = self.recipe.charbonnier
        error = (fake - batch.target).square().add(eps**2).sqrt() - eps
        return (error.flatten(1).mean(dim=1) * batch.weight).mean()

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Nothing: samples were varied when they were cut."""
        return images

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw the first thin slice of fixed samples: thick, truth, estimate, 4 x |error|."""
        device = next(generator.parameters()).device
        columns = []
        for number in range(N_SHOWN):  # one by one: S may differ
            batch = self.to_device(collate([self.sampler(number)]), str(device))
            with torch.no_grad():
                made = generator(batch.inputs).float()[0, 0]
            truth = batch.target[0, 0]
            parts = [batch.inputs.thick[0, REACH], truth, made, 4 * (made - truth).abs()]
            columns.append(torch.cat(parts, dim=0))
        picture = torch.cat(columns, dim=1)
        return (255 * picture.clamp(0, 1)).round().to(torch.uint8).cpu().numpy()


class _Samples(Dataset[SlabSample]):
    """Samples by number, made when they are asked for."""

    def __init__(self, sampler: SlabSampler) -> None:
        self.sampler = sampler

    def __getitem__(self, number: int) -> SlabSample:
        return self.sampler(number)


def collate(samples: Sequence[SlabSample]) -> SlabBatch:
    """Stack samples that share S into a batch."""
    target = torch.from_numpy(np.concatenate([sample.target for sample in samples]))[:, None]
    weight = torch.from_numpy(np.stack([sample.weight for sample in samples]))
    inputs = stack_inputs([sample.arrays for sample in samples])
    return SlabBatch(inputs, target, weight.repeat_interleave(len(target) // len(samples)))


def stack_inputs(arrays: Sequence[SlabArrays]) -> SlabInputs:
    """Stack descriptions of thick slices into what the network takes."""
    return SlabInputs(*(torch.from_numpy(np.stack(parts)) for parts in zip(*arrays, strict=True)))


def network_settings(recipe: SlabRecipe) -> dict[str, Any]:
    """Return the keyword arguments of the network."""
    return recipe.generator.model_dump() | {"factors": recipe.slabs.factors}


def fit_slabs(
    recipe: SlabRecipe,
    material: TrainingVolumes,
    run: Path,
    *,
    device: str = "cpu",
    validate: Callable[[nn.Module, int], dict[str, float]] | None = None,
    progress: Callable[[int, dict[str, float]], None] | None = None,
) -> tuple[Result, ModelInfo]:
    """Train, and describe the model; see `training.train` for resuming and errors.

    Raises
    ------
    ModelError
        If there is no model to start from, or its network is not the one of the recipe.
    """
    task = SlabTask(recipe, material)
    if recipe.warm_start:
        start_from(recipe.warm_start, task.generator)
    result = train(task, recipe.train, run, device=device, validate=validate, progress=progress)
    info = ModelInfo(
        name=recipe.name,
        kind="thinner",
        architecture="slab_net",
        settings={name: list(value) for name, value in network_settings(recipe).items()},
        expects={"intensity": "P0.5..P99.5 of measured voxels to 0..1"},
        licence=recipe.licence,
        training={
            "recipe": recipe.model_dump(mode="json"),
            "steps": result.step,
            "n_scans": len(material.volumes),
            "sha256": list(material.sha256),
        },
    )
    return result, info
