"""What the adversarial loop must be told about filling slices."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.loading import numbered_batches
from medgan.data.share import WHOLE
from medgan.data.slice_samples import SliceSampler
from medgan.data.streams import stream
from medgan.data.volumes import TrainingVolumes
from medgan.interpolation import K
from medgan.networks import build
from medgan.restoration.batch import SliceBatch, collate
from medgan.restoration.recipe import RestorerRecipe

N_SHOWN = 8


class RestorerTask:
    """Fill slices taken out of complete scans; see `training.Task`.

    Parameters
    ----------
    recipe
        Networks, batch and loss.
    material
        Scans to take slices out of.
    """

    share = WHOLE

    def __init__(self, recipe: RestorerRecipe, material: TrainingVolumes) -> None:
        self.recipe = recipe
        self.sampler = SliceSampler(material.volumes, recipe.damage, recipe.train.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(recipe.train.seed, "weights").integers(2**63)))
            self.generator: nn.Module = build("slice_net", recipe.generator.model_dump())
            self.discriminator: nn.Module = build("slice_critic", recipe.discriminator.model_dump())

    def batches(self, start: int) -> Iterator[SliceBatch]:
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

    def to_device(self, batch: SliceBatch, device: str) -> SliceBatch:
        """Move a batch."""
        return SliceBatch(batch.inputs.to(device), batch.target.to(device), batch.weight.to(device))

    def generate(self, generator: nn.Module, batch: SliceBatch, step: int) -> Tensor:
        """Fill: (B, 1, h, w), about 0..1; nothing is random here."""
        filled: Tensor = generator(batch.inputs)
        return filled

    def real(self, batch: SliceBatch) -> Tensor:
        """Return the true slices, (B, 1, h, w)."""
        return batch.target

    def condition(self, batch: SliceBatch) -> Tensor | None:
        """Return the measured neighbours (B, 2, h, w): the critic judges what lies between."""
        return batch.inputs.neighbours[:, K - 1 : K + 1]

    def reconstruction(self, fake: Tensor, batch: SliceBatch) -> Tensor | None:
        """Charbonnier loss, sqrt(d^2 + eps^2) - eps, weighted by sample."""
        eps = self.recipe.charbonnier
        error = (fake - batch.target).square().add(eps**2).sqrt() - eps
        return (error.flatten(1).mean(dim=1) * batch.weight).mean()

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Nothing: samples were varied when they were cut."""
        return images

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw fixed samples, a column each: before, truth, filled, 4 x |error|, after."""
        device = next(generator.parameters()).device
        batch = self.to_device(collate([self.sampler(n) for n in range(N_SHOWN)]), str(device))
        with torch.no_grad():
            filled = generator(batch.inputs).float()
        sides = batch.inputs.neighbours
        error = 4 * (filled - batch.target).abs()
        rows = [sides[:, K - 1 : K], batch.target, filled, error, sides[:, K : K + 1]]
        picture = torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows], dim=0)
        return (255 * picture.clamp(0, 1)).round().to(torch.uint8).cpu().numpy()
