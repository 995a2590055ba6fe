"""From a generator and its training set to what a model folder says of its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medgan.data.calibration import calibrate
from medgan.data.loading import stretch
from medgan.data.signed_distance import decode
from medgan.data.slice_cut import SliceCut, find_cuts
from medgan.data.space import Space
from medgan.synthesis.condition_table import Known
from medgan.synthesis.fitted import sample_places
from medgan.synthesis.fitted_recipes import FittedRecipe
from medgan.synthesis.output import Output
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.settings import GanRecipe

N_LOOKED_AT = {2: 1000, 3: 100}
"""Slices or volumes in which it is looked for planes that divide labels; of slices more, as few
show two labels."""


def measure_output(
    recipe: GanRecipe | FittedRecipe, space: Space, prepared: Any, generator: nn.Module, latent: int
) -> Output:
    """Measure intensities and label volumes of the training set, and set thresholds to match."""
    items = [prepared[index] for index in range(len(prepared))]
    volumes = [_label_volumes(item["image"].numpy()[1:], space) for item in items]
    wanted = tuple(float(v) for v in np.mean(volumes, axis=0))
    is_cut = bool(wanted) and recipe.sampling.slice_cuts
    return Output(
        space=space,
        latent=latent,
        intensity_range=_middle_range(items),
        label_volumes=wanted,
        label_offsets=_offsets(recipe, generator, latent, wanted) if wanted else (),
        largest_part=recipe.sampling.largest_part,
        slice_cuts=find_slice_cuts(prepared, space) if is_cut else (),
    )


def find_slice_cuts(prepared: Any, space: Space) -> tuple[SliceCut, ...]:
    """Find labels of the training set that planes between slices divide."""
    maps = []
    for index, at in sample_places(prepared, space, N_LOOKED_AT[space.spatial_dims]):
        channels = prepared[index]["image"].numpy()[1:]
        maps.append(decode(channels if at is None else channels[:, at], space.label_values))
    return find_cuts(np.stack(maps), space.label_values)


def range_of_each(
    modalities: Sequence[str], prepared: Any, known: Sequence[Known]
) -> dict[str, tuple[float, float]]:
    """Measure the physical values at -1 and 1 of each modality."""
    ours = {
        modality: [prepared[i] for i, case in enumerate(known) if case.modality == modality]
        for modality in modalities
    }
    return {modality: _middle_range(items) for modality, items in ours.items()}


def _middle_range(items: Sequence[Any]) -> tuple[float, float]:
    """Return the median of the physical values at -1 and 1."""
    low, high = np.median([item["range"].numpy() for item in items], axis=0).tolist()
    return low, high


def _offsets(
    recipe: GanRecipe | FittedRecipe, generator: nn.Module, latent: int, wanted: Sequence[float]
) -> tuple[float, ...]:
    n = recipe.sampling.calibration_samples
    labels = [draw_sample(generator, latent, recipe.seed, i, "calibration")[1:] for i in range(n)]
    return calibrate(np.stack(labels), wanted)


def _label_volumes(channels: NDArray[np.float32], space: Space) -> list[float]:
    """Voxels of each class in a volume, or on average in one of the slices used in 2D."""
    n = 1
    if space.spatial_dims == 2:
        used = stretch(channels.shape[1], space.slice_range)
        channels, n = channels[:, used.start : used.stop], len(used)
    labels = decode(channels, space.label_values)
    return [float((labels == value).sum() / n) for value in space.label_values]
