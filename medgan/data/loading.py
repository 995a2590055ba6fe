"""Batches by step number: what a step sees does not depend on when the run was interrupted."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from monai.data.dataloader import DataLoader
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from medgan.data.augmentation import AugmentSettings, apply, draw
from medgan.data.share import WHOLE, Share
from medgan.data.space import Space
from medgan.data.streams import stream

Place = tuple[int, int]
"""Index of a case, and the how-manieth sample of the run this is."""


class Samples(Dataset[dict[str, Tensor]]):
    """Random samples of prepared cases: a slice in 2D, the volume in 3D, changed as settings say.

    Parameters
    ----------
    prepared
        As `preparation.prepared` makes it.
    space
        Of the prepared cases.
    augment
        What may happen to a sample.
    seed
        Of the run.
    """

    def __init__(self, prepared: Any, space: Space, augment: AugmentSettings, seed: int) -> None:
        self.prepared = prepared
        self.space = space
        self.augment = augment
        self.seed = seed

    def __len__(self) -> int:
        return len(self.prepared)

    def __getitem__(self, place: Place) -> dict[str, Tensor]:
        """Return `{"image": (C, *S)}` in about -1..1."""
        case, turn = place
        image = self.prepared[case]["image"]
        rng = stream(self.seed, "sample", case, turn)
        if self.space.spatial_dims == 2:
            used = stretch(image.shape[1], self.space.slice_range)
            image = image[:, int(rng.integers(used.start, used.stop))]
        changes = draw(self.augment, rng, 1, self.space.spatial_dims)
        return {"image": apply(image[None], changes)[0]}


class Schedule(Sampler[list[Place]]):
    """Endless batches, every case once before any comes again, taken up at any step.

    Parameters
    ----------
    n_cases
        Length of the dataset.
    batch_size
        Samples a step and process; an epoch may end within a batch.
    seed
        Of the run.
    start
        First step.
    share
        Which part of every batch is ours.
    """

    def __init__(
        self, n_cases: int, batch_size: int, seed: int, start: int = 0, share: Share = WHOLE
    ) -> None:
        self.n_cases = n_cases
        self.batch_size = batch_size
        self.seed = seed
        self.start = start
        self.share = share

    def __iter__(self) -> Iterator[list[Place]]:
        epoch, order = -1, np.arange(0)
        for step in itertools.count(self.start):
            batch = []
            for turn in self.share.numbers(step, self.batch_size):
                if turn // self.n_cases != epoch:
                    epoch = turn // self.n_cases
                    order = stream(self.seed, "order", epoch).permutation(self.n_cases)
                batch.append((int(order[turn % self.n_cases]), turn))
            yield batch


def batches(
    samples: Samples,
    batch_size: int,
    seed: int,
    start: int,
    n_workers: int = 0,
    share: Share = WHOLE,
) -> Iterator[dict[str, Tensor]]:
    """Yield batches `{"image": (B, C, *S)}` of step `start`, `start + 1`, ... without end."""
    schedule = Schedule(len(samples), batch_size, seed, start, share)
    # The loader draws a number for its workers' random states; ours come from streams, so it gets
    # a generator of its own and leaves the global one alone.
    own = torch.Generator().manual_seed(0)
    return iter(
        DataLoader(
            samples,
            num_workers=n_workers,
            batch_sampler=schedule,
            generator=own,
            worker_init_fn=undisturbed,
        )
    )


def undisturbed(worker: int) -> None:
    """Let a loading process hear no signal: whom schedulers and Ctrl-C mean is its parent.

    A worker that died of one would break the step in hand, which is to end and to be saved.
    """
    for kind in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        signal.signal(kind, signal.SIG_IGN)


def stretch(n_slices: int, share: tuple[float, float]) -> range:
    """Return the positions that a share of a stack stands for; at least one."""
    first = min(int(share[0] * n_slices), n_slices - 1)
    return range(first, max(first + 1, round(share[1] * n_slices)))
