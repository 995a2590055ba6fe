"""What the adversarial loop must be told about taking noise away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.loading import numbered_batches
from medgan.data.noisy_samples import REACH, NoisySample, NoisySampler
from medgan.data.share import WHOLE
from medgan.data.streams import stream
from medgan.data.volumes import TrainingVolumes
from medgan.networks import build
from medgan.restoration.denoise_recipe import DenoiserRecipe

N_SHOWN = 8


class NoisyBatch(NamedTuple):
    """Slices with noise (B, 5, h, w) and the middle ones without it (B, 1, h, w), about 0..1."""

    slices: Tensor
    target: Tensor


class DenoiserTask:
    """Take away noise that was added to complete scans; see `training.Task`.

    Parameters
    ----------
    recipe
        Networks, batch and loss.
    material
        Scans to add noise to.
    """

    share = WHOLE

    def __init__(self, recipe: DenoiserRecipe, material: TrainingVolumes) -> None:
        self.recipe = recipe
        seed = recipe.train.seed
        self.sampler = NoisySampler(material.volumes, recipe.crops, recipe.noise, seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(seed, "weights").integers(2**63)))
            self.generator: nn.Module = build("denoise_net", recipe.generator.model_dump())
            self.discriminator: nn.Module = build("slice_critic", recipe.discriminator.model_dump())

    def batches(self, start: int) -> Iterator[NoisyBatch]:
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

    def to_device(self, batch: NoisyBatch, device: str) -> NoisyBatch:
        """Move a batch."""
        return NoisyBatch(batch.slices.to(device), batch.target.to(device))

    def generate(self, generator: nn.Module, batch: NoisyBatch, step: int) -> Tensor:
        """Denoise: (B, 1, h, w), about 0..1; nothing is random here."""
        denoised: Tensor = generator(batch.slices)
        return denoised

    def real(self, batch: NoisyBatch) -> Tensor:
        """Return the slices without added noise, (B, 1, h, w)."""
        return batch.target

    def condition(self, batch: NoisyBatch) -> Tensor | None:
        """Nothing: the critic judges whether a slice looks measured."""
        return None

    def reconstruction(self, fake: Tensor, batch: NoisyBatch) -> Tensor | None:
        """Half the mean log of the squared error: every decibel counts alike at every level.

        The negative PSNR as a loss, in nepers (Chen et al. 2022, NAFNet, arXiv 2204.04676).
        """
        floor = 10 ** (-self.recipe.floor_db / 10)
        mse = (fake - batch.target).square().flatten(1).mean(dim=1)
        return (mse + floor).log().mean() / 2

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Nothing: samples were varied when they were cut."""
        return images

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw fixed samples, a column each: with noise, truth, denoised, 4 x |error|."""
        device = next(generator.parameters()).device
        batch = self.to_device(collate([self.sampler(n) for n in range(N_SHOWN)]), str(device))
        with torch.no_grad():
            denoised = generator(batch.slices).float()
        error = 4 * (denoised - batch.target).abs()
        rows = [batch.slices[:, REACH : REACH + 1], batch.target, denoised, error]
        picture = torch.cat([torch.cat(list(row[:, 0]), dim=1) for row in rows], dim=0)
        return (255 * picture.clamp(0, 1)).round().to(torch.uint8).cpu().numpy()


def collate(samples: Sequence[NoisySample]) -> NoisyBatch:
    """Stack samples into a batch."""
    slices = torch.from_numpy(np.stack([sample.slices for sample in samples]))
    target = torch.from_numpy(np.stack([sample.target for sample in samples]))[:, None]
    return NoisyBatch(slices, target)
