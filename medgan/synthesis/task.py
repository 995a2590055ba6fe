"""What the adversarial loop must be told about synthesis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.augmentation import apply, draw
from medgan.data.loading import Samples, batches
from medgan.data.space import Space
from medgan.data.streams import stream
from medgan.networks import build
from medgan.synthesis.montage import compose
from medgan.synthesis.settings import SynthesizeRecipe

N_SHOWN = 8


class SynthesisTask:
    """Image and label channels from a latent vector, against real ones; see `training.Task`.

    Parameters
    ----------
    recipe
        Networks, batch, and how the discriminator sees.
    space
        Of the prepared cases.
    prepared
        Items `{"image": (C, *S)}`, as `data.preparation.prepared` makes them.
    """

    def __init__(self, recipe: SynthesizeRecipe, space: Space, prepared: Any) -> None:
        self.recipe = recipe
        self.space = space
        self.seed = recipe.train.seed
        self.samples = Samples(prepared, space, recipe.augment, self.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(stream(self.seed, "weights").integers(2**63)))
            self.generator: nn.Module = build(*generator_design(recipe, space))
            self.discriminator: nn.Module = build(*discriminator_design(recipe, space))

    def batches(self, start: int) -> Iterator[dict[str, Tensor]]:
        """Yield batches of step `start`, `start + 1`, ... without end."""
        return batches(
            self.samples, self.recipe.batch_size, self.seed, start, self.recipe.n_workers
        )

    def to_device(self, batch: dict[str, Tensor], device: str) -> dict[str, Tensor]:
        """Move a batch."""
        return {name: tensor.to(device) for name, tensor in batch.items()}

    def generate(self, generator: nn.Module, batch: dict[str, Tensor], step: int) -> Tensor:
        """Return as many fakes as the batch has samples."""
        real = batch["image"]
        shape = (len(real), self.recipe.generator.latent)
        z = stream(self.seed, "latent", step).standard_normal(shape, dtype=np.float32)
        fakes: Tensor = generator(torch.from_numpy(z).to(real.device))
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
        eye = self.recipe.eye
        if eye.augment.probability:
            rng = stream(self.seed, "eye", step)
            images = apply(images, draw(eye.augment, rng, len(images), self.space.spatial_dims))
        sigma = eye.noise * max(0.0, 1 - step / eye.noise_steps)
        if not sigma:
            return images
        source = torch.Generator().manual_seed(
            int(stream(self.seed, "noise", step).integers(2**63))
        )
        noise = torch.randn(images.shape, generator=source).to(images.device)
        return images + sigma * noise

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw eight real samples above sixteen virtual ones, labels below each."""
        device = next(generator.parameters()).device
        n_real = min(N_SHOWN, len(self.samples))
        real = torch.stack([self.samples[i, 0]["image"] for i in range(n_real)])
        shape = (2 * N_SHOWN, self.recipe.generator.latent)
        z = stream(self.seed, "montage").standard_normal(shape, dtype=np.float32)
        with torch.no_grad():
            fake = generator(torch.from_numpy(z).to(device)).float().cpu()
        return compose([real.numpy(), fake[:N_SHOWN].numpy(), fake[N_SHOWN:].numpy()])


def generator_design(recipe: SynthesizeRecipe, space: Space) -> tuple[str, dict[str, Any]]:
    """Return architecture and settings of the generator, as a model folder keeps them."""
    return "dcgan_generator", {
        "spatial_dims": space.spatial_dims,
        "out_channels": space.n_channels,
        "shape": list(space.shape),
    } | recipe.generator.model_dump()


def discriminator_design(recipe: SynthesizeRecipe, space: Space) -> tuple[str, dict[str, Any]]:
    """Return architecture and settings of the discriminator."""
    return "dcgan_discriminator", {
        "spatial_dims": space.spatial_dims,
        "in_channels": space.n_channels,
        "shape": list(space.shape),
    } | recipe.discriminator.model_dump()
