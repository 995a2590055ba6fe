"""What the loop must be told about a problem, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from medgan.data.share import Share

Batch = Any
"""Whatever `Task.batches` yields; only the task itself looks inside."""


class Task(Protocol):
    """A generator, a discriminator and the data they are trained on.

    Everything random is drawn from streams of (seed, purpose, step), so that a step can be
    repeated exactly and a run can be resumed anywhere.
    """

    generator: nn.Module
    discriminator: nn.Module
    share: Share
    """Which part of every batch this process takes; `train` settles it."""

    def batches(self, start: int) -> Iterator[Batch]:
        """Yield batches of step `start`, `start + 1`, ... without end."""

    def to_device(self, batch: Batch, device: str) -> Batch:
        """Move a batch."""

    def generate(self, generator: nn.Module, batch: Batch, step: int) -> Tensor:
        """Return fakes (B, C, *S); noise comes from the stream of `step`."""

    def real(self, batch: Batch) -> Tensor:
        """Return the real images (B, C, *S) of a batch."""

    def condition(self, batch: Batch) -> Tensor | None:
        """Return what the discriminator sees beside the image, (B, C', *S), or None."""

    def reconstruction(self, fake: Tensor, batch: Batch) -> Tensor | None:
        """Return the loss against a known truth, a scalar; None where there is none."""

    def augment(self, images: Tensor, step: int) -> Tensor:
        """Augment what the discriminator sees, real and fake alike; differentiable."""

    def montage(self, generator: nn.Module) -> NDArray[np.uint8]:
        """Draw a fixed set of samples as one grey picture (h, w)."""
