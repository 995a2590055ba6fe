"""Virtual cases from a trained generator: each from a stream of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medgan.data.streams import stream
from medgan.models import Model
from medgan.synthesis.output import output_of
from medgan.synthesis.place import VirtualCase, place


def synthesize(model: Model, n: int, seed: int, *, first: int = 0) -> Iterator[VirtualCase]:
    """Make virtual cases one by one.

    Parameters
    ----------
    model
        A synthesizer, on any device.
    n
        How many.
    seed
        The same seed gives the same bytes on one machine.
    first
        Index of the first: cases `first`..`first + n - 1` are what a run from 0 would give there,
        so that the work can be split.

    Raises
    ------
    ModelError
        If the model makes no scans.
    """
    output = output_of(model.info)
    for index in range(first, first + n):
        yield place(draw_sample(model.network, output.latent, seed, index), output, index, seed)


@torch.no_grad()
def draw_sample(
    generator: nn.Module, latent: int, seed: int, index: int, purpose: str = "case"
) -> NDArray[np.float32]:
    """Return sample number `index` of a seed, (C, *S) in -1..1.

    One at a time: convolutions add up in an order that depends on the batch, so a batch would
    change last bits with its size. On one thread for the same reason: work that is split among
    threads is added up in another order. Who has more cores makes several cases at once.
    """
    z = stream(seed, purpose, index).standard_normal((1, latent), dtype=np.float32)
    # Of all tensors: a fitted model has buffers and no parameters.
    device = next(iter(generator.state_dict().values())).device
    with _one_thread():
        sample = generator(torch.from_numpy(z).to(device))[0].float().cpu().numpy()
    made: NDArray[np.float32] = sample
    return made


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
