"""What the adversarial loop must be told about taking noise away, and what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from monai.data.dataloader import DataLoader
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import Dataset

from medgan.data.loading import undisturbed
from medgan.data.noisy_samples import REACH, NoisySample, NoisySampler
from medgan.data.share import WHOLE
from medgan.data.streams import stream
from medgan.data.volumes import TrainingVolumes
from medgan.models import ModelInfo
from medgan.networks import build
from medgan.restoration.denoise_recipe import DenoiserRecipe
from medgan.restoration.warm_start import start_from
from medgan.training import Result, train

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


class _Samples(Dataset[NoisySample]):
    """Samples by number, made when they are asked for."""

    def __init__(self, sampler: NoisySampler) -> None:
        self.sampler = sampler

    def __getitem__(self, number: int) -> NoisySample:
        return self.sampler(number)


def collate(samples: Sequence[NoisySample]) -> NoisyBatch:
    """Stack samples into a batch."""
    slices = torch.from_numpy(np.stack([sample.slices for sample in samples]))
    target = torch.from_numpy(np.stack([sample.target for sample in samples]))[:, None]
    return NoisyBatch(slices, target)


def fit_denoiser(
    recipe: DenoiserRecipe,
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
    task = DenoiserTask(recipe, material)
    if recipe.warm_start:
        start_from(recipe.warm_start, task.generator)
    result = train(task, recipe.train, run, device=device, validate=validate, progress=progress)
    info = ModelInfo(
        name=recipe.name,
        kind="denoiser",
        architecture="denoise_net",
        settings=recipe.generator.model_dump(mode="json"),
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
