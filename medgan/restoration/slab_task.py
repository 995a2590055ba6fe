"""What the adversarial loop must be told about thick slices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.loading import numbered_batches
from medgan.data.share import WHOLE
from medgan.data.slab_inputs import REACH, SlabArrays
from medgan.data.slab_samples import SlabSample, SlabSampler
from medgan.data.streams import stream
from medgan.data.volumes import TrainingVolumes
from medgan.networks import build
from medgan.networks.slab_net import SlabInputs
from medgan.restoration.slab_recipe import SlabRecipe

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
        self.material = material
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(recipe.train.seed, "weights").integers(2**63)))
            self.generator: nn.Module = build("slab_net", network_settings(recipe))
            self.discriminator: nn.Module = build("slice_critic", recipe.discriminator.model_dump())

    @cached_property
    def sampler(self) -> SlabSampler:
        """What makes examples; the batch of all processes shares its number of thin slices."""
        recipe = self.recipe
        n = recipe.batch_size * self.share.n
        return SlabSampler(self.material.volumes, recipe.slabs, recipe.train.seed, n)

    def batches(self, start: int) -> Iterator[SlabBatch]:
        """Yield batches of step `start`, `start + 1`, ... until the recipe's last step."""
        recipe = self.recipe
        return numbered_batches(
            self.sampler,
            collate,
            range(start, recipe.train.steps),
            recipe.batch_size,
            share=self.share,
            n_workers=recipe.n_workers,
        )

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
