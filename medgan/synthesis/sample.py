"""Virtual cases from a trained generator: each from a stream of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from medgan.data.streams import stream
from medgan.errors import ModelError
from medgan.models import Model
from medgan.models.memory import or_on_cpu
from medgan.synthesis.conditions import Wish
from medgan.synthesis.copy_guard import MOST_DRAWS, CopyGuard
from medgan.synthesis.from_labels import GivenLabels, image_of_labels
from medgan.synthesis.output import output_of_wanted
from medgan.synthesis.place import VirtualCase, place

ON_CPU = "the GPU had not enough memory: made on the CPU, which may change last digits"

GIVEN = "the label map was given, and the image made for it"


def synthesize(
    model: Model,
    n: int,
    seed: int,
    *,
    first: int = 0,
    guard: CopyGuard | None = None,
    wanted: Mapping[str, str] | None = None,
    label_maps: Sequence[GivenLabels] = (),
) -> Iterator[VirtualCase]:
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
    guard
        A sample that it takes for a copy of a training scan is drawn again, from a stream of its
        own; None: none is.
    wanted
        Values of the model's conditions, as text, e.g. `{"age": "60"}`.
    label_maps
        Label maps that cases are made for, taken in turn; their labels stay as they are, and where
        they are. Empty: labels are made too.

    Raises
    ------
    ModelError
        If the model makes no scans, cannot make them for a label map, or twenty draws of a case
        are copies.
    UsageError
        If the model does not know what is wanted, or it must be said which modality is.
    """
    output, wish = output_of_wanted(model.info, wanted or {})
    if label_maps:
        as_given = {"label_offsets": (), "largest_part": False, "slice_cuts": ()}
        output = output.model_copy(update=as_given)
    for index in range(first, first + n):
        given = label_maps[index % len(label_maps)] if label_maps else None
        labels = None if given is None else given.channels
        draw = partial(_draw_guarded, model, output.latent, seed, index, guard, wish, labels)
        (sample, n_rejected), is_on_cpu = or_on_cpu(model.network, draw)
        notes = (ON_CPU,) * is_on_cpu + (GIVEN,) * bool(label_maps)
        yield replace(
            place(sample, output, index, seed, None if given is None else given.affine),
            n_rejected=n_rejected,
            notes=notes,
            wanted=dict(wanted or {}),
            sources=given.sources if given else (),
            content_hash=given.content_hash if given else "",
        )


def _draw_guarded(
    model: Model,
    latent: int,
    seed: int,
    index: int,
    guard: CopyGuard | None,
    wish: Wish | None,
    labels: NDArray[np.float32] | None,
) -> tuple[NDArray[np.float32], int]:
    """Return the first draw of a case that is no copy, and how many were."""
    for turn in range(MOST_DRAWS):
        purpose = f"case again {turn}" if turn else "case"
        sample = draw_sample(model.network, latent, seed, index, purpose, wish, labels)
        if guard is None or not guard.is_copy(sample[0]):
            return sample, turn
    raise ModelError(
        f"{MOST_DRAWS} draws of one case were all copies of training scans",
        where=model.info.name,
        hint="The model has learned its scans by heart: train it anew, with fewer modes or steps.",
    )


@torch.no_grad()
def draw_sample(
    generator: nn.Module,
    latent: int,
    seed: int,
    index: int,
    purpose: str = "case",
    wish: Wish | None = None,
    labels: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return sample number `index` of a seed, (C, *S) in -1..1.

    One at a time: convolutions add up in an order that depends on the batch, so a batch would
    change last bits with its size. On one thread for the same reason: work that is split among
    threads is added up in another order. Who has more cores makes several cases at once.
    """
    z = stream(seed, purpose, index).standard_normal((1, latent), dtype=np.float32)
    z = z if wish is None else wish(z)
    # Of all tensors: a fitted model has buffers and no parameters.
    device = next(iter(generator.state_dict().values())).device
    with _one_thread():
        if labels is not None:
            return image_of_labels(generator, labels, torch.from_numpy(z).to(device))
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
