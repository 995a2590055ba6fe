"""A problem small enough to train in a test: learn the mean of shifted noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.share import WHOLE
from medgan.data.streams import stream


class ToyTask:
    """Real images are 0.5 + noise; the generator maps a latent to an image.

    Parameters
    ----------
    batch_size
        Samples a step and process.
    """

    share = WHOLE

    def __init__(self, spatial_dims: int = 2, seed: int = 0, batch_size: int = 4) -> None:
        self.batch_size = batch_size
        self.shape = (4,) * spatial_dims
        self.seed = seed
        n = 4**spatial_dims
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.generator: nn.Module = nn.Linear(3, n)
            self.discriminator: nn.Module = nn.Sequential(
                nn.Flatten(), nn.Linear(n, 8), nn.LeakyReLU(0.2), nn.Linear(8, 1)
            )

    def _noise(self, purpose: str, step: int, *shape: int) -> Tensor:
        rng = stream(self.seed, purpose, step)
        whole = rng.standard_normal((self.share.n * self.batch_size, *shape), dtype=np.float32)
        return torch.from_numpy(whole[self.share.rows(self.batch_size)])

    def batches(self, start: int) -> Iterator[Tensor]:
        step = start
        while True:
            yield 0.5 + 0.1 * self._noise("real", step, 1, *self.shape)
            step += 1

    def to_device(self, batch: Tensor, device: str) -> Tensor:
        return batch.to(device)

    def generate(self, generator: nn.Module, batch: Tensor, step: int) -> Tensor:
        return generator(self._noise("latent", step, 3)).view(-1, 1, *self.shape)

    def real(self, batch: Tensor) -> Tensor:
        return batch

    def condition(self, batch: Tensor) -> Tensor | None:
        return None

    def reconstruction(self, fake: Tensor, batch: Tensor) -> Tensor | None:
        return (fake - batch).square().mean()

    def augment(self, images: Tensor, step: int) -> Tensor:
        return images

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        return np.zeros((4, 4), np.uint8)
