"""Batches by step number: what a step sees does not depend on when the run was interrupted."""

from __future__ import annotations

import itertools
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from monai.data.dataloader import DataLoader
from monai.data.utils import list_data_collate
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from medgan.data.augmentation import AugmentSettings, apply, draw
from medgan.data.share import WHOLE, Share
from medgan.data.space import Space
from medgan.data.streams import stream
from medgan.errors import MedganError

S = TypeVar("S")
B = TypeVar("B")

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
    return _loaded(samples, schedule, list_data_collate, n_workers)


def numbered_batches(
    sampler: Callable[[int], S],
    collate: Callable[[Sequence[S]], B],
    steps: range,
    batch_size: int,
    *,
    share: Share = WHOLE,
    n_workers: int = 0,
) -> Iterator[B]:
    """Yield the batch of every step, made of samples that are told by their number in the run.

    Parameters
    ----------
    sampler
        Makes the sample of a number, 0, 1, ...; always the same one.
    collate
        Stacks samples into a batch.
    steps
        From the first to be taken now to the last of the run.
    batch_size
        Samples a step and process.
    share
        Which part of every batch is ours.
    n_workers
        Processes that make samples; 0: this one.
    """
    numbers = [share.numbers(step, batch_size) for step in steps]
    return _loaded(_Numbered(sampler), numbers, collate, n_workers)


class _Numbered(Dataset[S]):
    """Samples by number, made when they are asked for."""

    def __init__(self, sampler: Callable[[int], S]) -> None:
        self.sampler = sampler

    def __getitem__(self, number: int) -> S:
        return self.sampler(number)


def _loaded(
    samples: Dataset[Any],
    batch_sampler: Iterable[Sequence[Any]],
    collate: Callable[[Sequence[Any]], B],
    n_workers: int,
) -> Iterator[B]:
    """Yield batches of the places or numbers that a batch sampler names.

    An error with a message comes out of a loading process as it is: the loader would make a
    traceback of it.
    """
    # The loader draws a number for its workers' random states; ours come from streams, so it gets
    # a generator of its own and leaves the global one alone.
    own = torch.Generator().manual_seed(0)
    loader = DataLoader(
        _Carried(samples),
        num_workers=n_workers,
        batch_sampler=batch_sampler,
        collate_fn=partial(_collated, collate),
        generator=own,
        worker_init_fn=undisturbed,
    )
    batches = iter(loader)
    workers = getattr(batches, "_workers", [])  # no public name; none without processes
    try:
        for batch in batches:
            if isinstance(batch, MedganError):
                raise batch
            yield batch
    finally:
        del batches  # the last reference: processes that answer end in good order
        for worker in workers:
            # The loader terminates those that do not answer in time; ours hear no such signal, and
            # this process would wait for them before it ended.
            worker.kill()
            worker.join()


class _Carried(Dataset[Any]):
    """Samples, or the errors in place of those that could not be made."""

    def __init__(self, samples: Dataset[Any]) -> None:
        self.samples = samples

    def __getitem__(self, place: Any) -> Any:
        try:
            return self.samples[place]
        except MedganError as error:
            return error


def _collated(collate: Callable[[Sequence[Any]], B], samples: Sequence[Any]) -> B | MedganError:
    """Return the batch, or the first error among its samples."""
    errors = (sample for sample in samples if isinstance(sample, MedganError))
    return next(errors, None) or collate(samples)


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
