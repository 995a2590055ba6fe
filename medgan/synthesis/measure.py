"""From a generator and its training set to what a model folder says of its output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from medgan.data.loading import stretch
from medgan.data.signed_distance import decode
from medgan.data.space import Space
from medgan.synthesis.calibration import calibrate
from medgan.synthesis.condition_table import Known
from medgan.synthesis.fitted_recipes import FittedRecipe
from medgan.synthesis.output import Output
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.settings import GanRecipe


def measure_output(
    recipe: GanRecipe | FittedRecipe, space: Space, prepared: Any, generator: nn.Module, latent: int
) -> Output:
    """Measure intensities and label volumes of the training set, and set thresholds to match."""
    items = [prepared[index] for index in range(len(prepared))]
    volumes = [_label_volumes(item["image"].numpy()[1:], space) for item in items]
    wanted = tuple(float(v) for v in np.mean(volumes, axis=0))
    return Output(
        space=space,
        latent=latent,
        intensity_range=_middle_range(items),
        label_volumes=wanted,
        label_offsets=_offsets(recipe, generator, latent, wanted) if wanted else (),
        largest_part=recipe.sampling.largest_part,
    )


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
