"""What a training run is looked at with beside its own batches: scans held back, and samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import label
from torch import Tensor, nn

from medgan.data.augmentation import AugmentSettings
from medgan.data.calibration import calibrate
from medgan.data.loading import Samples, Schedule
from medgan.data.share import Share
from medgan.data.signed_distance import decode
from medgan.data.slice_cut import SliceCut
from medgan.data.space import Space
from medgan.data.streams import stream
from medgan.errors import ConfigError, DataError
from medgan.evaluation.common_grid import common_grid
from medgan.evaluation.features import random_features, standardised
from medgan.evaluation.kid import kid
from medgan.evaluation.spectrum import spectral_distance_db
from medgan.evaluation.synthetic import FEWEST
from medgan.synthesis.image_sets import real_set, virtual_set
from medgan.synthesis.measure import find_slice_cuts
from medgan.synthesis.sample import draw_sample
from medgan.synthesis.settings import GanRecipe, SynthesizeRecipe
from medgan.training.alarms import LABEL_PARTS, LABEL_VOLUME, LABEL_VOLUME_SE, SPECTRUM

N_DRAWN = 48
"""Samples of each look; always of the same latent vectors, so that steps differ by the generator
alone, and a difference is known far better than the distance itself."""

FIGURES = ("kid_joint", "kid_rand")
"""What the best step can be chosen by: kernel distances on features of random networks, seconds
where a trained encoder takes a minute. With labels, and of the image alone."""


class Validation:
    """Measures the averaged generator; see `training.train`.

    Parameters
    ----------
    recipe
        Of the run; `train.best_by` is the one of `FIGURES` that is measured, if any.
    trained, held_back
        Datasets of prepared cases.

    Raises
    ------
    ConfigError
        If the best step is to be chosen by a figure that there is not.
    DataError
        If fewer than six cases are held back to choose it by.
    """

    def __init__(self, recipe: GanRecipe, space: Space, trained: Any, held_back: Any) -> None:
        self.recipe, self.space = recipe, space
        self.figure = recipe.train.best_by
        real = real_set(trained, space)
        self.images = real.images
        self.volumes: tuple[float, ...] = ()
        if real.labels is not None:
            self.volumes = tuple(_volumes(real.labels, space).mean(axis=0).tolist())
            self.n_parts = _mean_parts(real.labels, space)
        if self.figure:
            self.slice_cuts: tuple[SliceCut, ...] = ()
            if real.labels is not None and recipe.sampling.slice_cuts:
                self.slice_cuts = find_slice_cuts(trained, space)
            _check(self.figure, len(held_back), space)
            self.classes = space.label_values if self.figure == "kid_joint" else ()
            self.trained = random_features(real, self.classes)
            self.held_back = random_features(real_set(held_back, space), self.classes)

    def __call__(self, generator: nn.Module, step: int) -> dict[str, float]:
        """Return the figure that is asked for, and how far spectrum and labels are off.

        Notes
        -----
        Labels of the distance have thresholds calibrated on the samples, as those of the finished
        model will have; volumes and parts are those without.
        """
        latent, seed = generator.latent, self.recipe.seed
        assert isinstance(latent, int)
        samples = [draw_sample(generator, latent, seed, i, "validation") for i in range(N_DRAWN)]
        images = common_grid([one[0] for one in samples], self.space.shape)
        figures = {SPECTRUM: spectral_distance_db(images, self.images)}
        # A refined template's labels are the template's: no step changes them.
        if self.volumes and isinstance(self.recipe, SynthesizeRecipe):
            labels = np.stack([decode(one[1:], self.space.label_values) for one in samples])
            figures |= _most_surely_off(_volumes(labels, self.space), self.volumes)
            figures[LABEL_PARTS] = _mean_parts(labels, self.space) / self.n_parts
        if self.figure:
            figures[self.figure] = self._distance(samples)
        return figures

    def _distance(self, samples: list[NDArray[np.float32]]) -> float:
        """Return the kernel distance of samples to the cases held back."""
        labels = np.stack([one[1:] for one in samples])
        offsets = calibrate(labels, self.volumes) if self.volumes else ()
        is_cleaned = self.recipe.sampling.largest_part
        fake = virtual_set(samples, self.space, offsets, self.slice_cuts, largest_part=is_cleaned)
        features = random_features(fake, self.classes)
        _, held_back, drawn = standardised(self.trained, self.held_back, features)
        return kid(drawn, held_back, stream(self.recipe.seed, "kid")).value


def validation(recipe: GanRecipe, space: Space, trained: Any, held_back: Any) -> Validation | None:
    """Return what there is to measure during a run; None where there is nothing.

    Raises
    ------
    ConfigError, DataError
        As `Validation`.
    """
    has_labels = bool(space.label_values) and isinstance(recipe, SynthesizeRecipe)
    if not has_labels and recipe.train.best_by is None:
        return None
    return Validation(recipe, space, trained, held_back)


def held_out(
    recipe: GanRecipe, space: Space, held_back: Any
) -> Callable[[int, Share], dict[str, Tensor]] | None:
    """Return batches of held back cases, changed as training ones are; None if fewer than six."""
    if len(held_back) < FEWEST:
        return None
    changes = recipe.augment if isinstance(recipe, SynthesizeRecipe) else AugmentSettings()
    samples = Samples(held_back, space, changes, recipe.seed)

    def batch(step: int, share: Share) -> dict[str, Tensor]:
        schedule = Schedule(len(samples), recipe.batch_size, recipe.seed, step, share)
        return {"image": torch.stack([samples[place]["image"] for place in next(iter(schedule))])}

    return batch


def _check(figure: str, n_held_back: int, space: Space) -> None:
    known = FIGURES if space.label_values else FIGURES[1:]
    if figure not in known:
        raise ConfigError(
            f"the best step cannot be chosen by {figure}: here there is {' and '.join(known)}",
            where="train.best_by",
            hint="Name one of those, or null for the weights of the last step.",
        )
    if n_held_back < FEWEST:
        raise DataError(
            f"{n_held_back} cases are held back to choose the best step by, {FEWEST} are the least",
            where="held_back",
            hint="Raise held_back, or set train.best_by to null.",
        )


def _volumes(labels: NDArray[np.integer], space: Space) -> NDArray[np.float64]:
    """Return the voxels (n, K) of each class in labels (n, *S)."""
    flat = labels.reshape(len(labels), -1)
    return np.stack([(flat == value).sum(axis=1) for value in space.label_values], axis=1) * 1.0


def _mean_parts(labels: NDArray[np.integer], space: Space) -> float:
    """Return how many connected parts (by faces) a class has on average, where it is there."""
    counts = [label(one == value)[1] for one in labels for value in space.label_values]
    there = [count for count in counts if count]
    return float(np.mean(there)) if there else 1.0


def _most_surely_off(volumes: NDArray[np.float64], wanted: Sequence[float]) -> dict[str, float]:
    """Return mean volume over the wanted one, and its standard error, of one of the classes."""
    scale = np.where(np.asarray(wanted) > 0, wanted, np.inf)  # a class may miss all slices used
    ratio = np.where(np.isinf(scale), 1.0, volumes.mean(axis=0) / scale)
    error = volumes.std(axis=0, ddof=1) / np.sqrt(len(volumes)) / scale
    at = int(np.argmax(np.abs(ratio - 1) / np.maximum(error, 1e-9)))
    return {LABEL_VOLUME: float(ratio[at]), LABEL_VOLUME_SE: float(error[at])}
