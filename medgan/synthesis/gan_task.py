"""What the adversarial loop must be told about synthesis, whichever networks play."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.augmentation import AugmentSettings, apply, draw
from medgan.data.loading import Samples, batches
from medgan.data.share import WHOLE
from medgan.data.space import Space
from medgan.data.streams import stream
from medgan.networks import build
from medgan.synthesis.montage import compose
from medgan.synthesis.settings import GanRecipe

N_SHOWN = 8

Design = tuple[str, dict[str, Any]]
"""Architecture and its settings, as a model folder keeps them."""


class GanTask(ABC):
    """Image and label channels from a latent vector, against real ones; see `training.Task`.

    Parameters
    ----------
    recipe
        Batch, and how the discriminator sees.
    space
        Of the prepared cases.
    prepared
        Items `{"image": (C, *S)}`, as `data.preparation.prepared` makes them.
    augment
        Changes of samples as they are loaded.
    """

    generator: nn.Module
    discriminator: nn.Module
    share = WHOLE

    def __init__(
        self, recipe: GanRecipe, space: Space, prepared: Any, augment: AugmentSettings
    ) -> None:
        self.batch_size, self.n_workers = recipe.batch_size, recipe.n_workers
        self.eye = recipe.eye
        self.space = space
        self.seed = recipe.train.seed
        self.samples = Samples(prepared, space, augment, self.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(self.seed, "weights").integers(2**63)))
            self.generator = build(*self.generator_design())
            self.discriminator = build(*self.discriminator_design())

    @abstractmethod
    def generator_design(self) -> Design:
        """Return what makes samples."""

    @abstractmethod
    def discriminator_design(self) -> Design:
        """Return what judges them."""

    @property
    def latent(self) -> int:
        """Length of a latent vector."""
        length = self.generator.latent
        assert isinstance(length, int)
        return length

    def batches(self, start: int) -> Iterator[dict[str, Tensor]]:
        """Yield batches of step `start`, `start + 1`, ... without end."""
        return batches(self.samples, self.batch_size, self.seed, start, self.n_workers, self.share)

    def to_device(self, batch: dict[str, Tensor], device: str) -> dict[str, Tensor]:
        """Move a batch."""
        return {name: tensor.to(device) for name, tensor in batch.items()}

    def latents(self, batch: dict[str, Tensor], step: int) -> Tensor:
        """Draw as many latent vectors as the batch has samples, (B, latent), on its device."""
        real = batch["image"]
        shape = (self.share.n * len(real), self.latent)
        z = stream(self.seed, "latent", step).standard_normal(shape, dtype=np.float32)
        return torch.from_numpy(z[self.share.rows(len(real))]).to(real.device)

    def generate(self, generator: nn.Module, batch: dict[str, Tensor], step: int) -> Tensor:
        """Return as many fakes as the batch has samples."""
        fakes: Tensor = generator(self.latents(batch, step))
        return fakes

    def real(self, batch: dict[str, Tensor]) -> Tensor:
        """Return the prepared samples."""
        return batch["image"]

    def condition(self, batch: dict[str, Tensor]) -> Tensor | None:
        """Nothing: the discriminator sees all channels as the image."""
        return None

    def reconstruction(self, fake: Tensor, batch: dict[str, Tensor]) -> Tensor | None:
        """Nothing: a virtual case has no truth."""
        return None

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Change and blur samples for the discriminator's eye; the same draws for a whole step."""
        eye = self.eye
        n, ours = self.share.n * len(images), self.share.rows(len(images))
        if eye.augment.probability:
            rng = stream(self.seed, "eye", step)
            changes = draw(eye.augment, rng, n, self.space.spatial_dims)
            images = apply(images, changes.rows(ours))
        sigma = eye.noise * max(0.0, 1 - step / eye.noise_steps)
        if not sigma:
            return images
        source = torch.Generator().manual_seed(
            int(stream(self.seed, "noise", step).integers(2**63))
        )
        noise = torch.randn(n, *images.shape[1:], generator=source)[ours]
        return images + sigma * noise.to(images.device)

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw eight real samples above sixteen virtual ones, labels below each."""
        device = next(generator.parameters()).device
        n_real = min(N_SHOWN, len(self.samples))
        real = torch.stack([self.samples[i, 0]["image"] for i in range(n_real)])
        z = stream(self.seed, "montage").standard_normal(
            (2 * N_SHOWN, self.latent), dtype=np.float32
        )
        with torch.no_grad():  # one by one: a large volume is a batch by itself
            made = [generator(one[None].to(device)).float().cpu() for one in torch.from_numpy(z)]
        fake = torch.cat(made).numpy()
        return compose([real.numpy(), fake[:N_SHOWN], fake[N_SHOWN:]])
