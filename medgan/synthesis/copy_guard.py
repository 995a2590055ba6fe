"""Draw again what comes too near to a training scan."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.data import index_cases
from medgan.data.loading import stretch
from medgan.data.preparation import prepared
from medgan.data.space import Space
from medgan.data.survey import survey
from medgan.errors import DataError
from medgan.evaluation.copy_alarm import FEWEST, CopyAlarm
from medgan.evaluation.image_set import ImageSet
from medgan.models import ModelInfo
from medgan.synthesis.output import output_of

QUANTILE = 0.99
"""Of how near training scans are to each other: one in a hundred honest samples is drawn again."""

MOST_DRAWS = 20
"""Draws of one case before it is given up: a model that mostly makes copies is to be known."""


class CopyGuard:
    """Knows the training scans of a model, in the space of its samples.

    Parameters
    ----------
    scans
        Training images (k, *S) in -1..1 of each scan, at least 3.
    quantile
        Of how near they are to each other; see `CopyAlarm.of`.
    """

    def __init__(self, scans: Iterable[NDArray[np.float32]], quantile: float = QUANTILE) -> None:
        self.alarm = CopyAlarm.of(scans, quantile)

    @classmethod
    def of_folder(cls, folder: Path, info: ModelInfo) -> CopyGuard:
        """Read the scans of a folder that a model was trained on: all, in 2D all slices used.

        Raises
        ------
        DataError
            If fewer than three of them were, or some that it was trained on are not there.
        """
        cases = index_cases(folder).pairs
        looks = survey(cases).looks
        known = frozenset(map(str, info.training.get("sha256", [])))
        trained: list[Any] = [
            case for case in cases if case.id in looks and looks[case.id].sha256 in known
        ]
        if len(trained) < FEWEST:
            raise DataError(
                f"{len(trained)} of {len(cases)} scans are among those that {info.name} was "
                "trained on, so copies cannot be told",
                where=str(folder),
                hint="Give with --train the folder that the model was trained from.",
            )
        n_gone = len(known - {looks[case.id].sha256 for case in trained})
        if n_gone:
            raise DataError(
                f"{n_gone} of {len(known)} scans that {info.name} was trained on are not there, so "
                "copies of them cannot be told",
                where=str(folder),
                hint="Give with --train the whole folder that the model was trained from.",
            )
        space = output_of(info).space
        ready = prepared(trained, looks, space, None)
        return cls(_images(ready[at], space) for at in range(len(ready)))

    def is_copy(self, image: NDArray[np.floating]) -> bool:
        """Return whether an image (*S) is nearer to a training image than the threshold."""
        (found,) = self.alarm.look(ImageSet(image[None].astype(np.float32)))
        return found is not None


def _images(case: Any, space: Space) -> NDArray[np.float32]:
    """Return the image of a prepared case (1, *S), or in 2D those of the slices used (k, *S)."""
    image = np.asarray(case["image"][0])
    if space.spatial_dims == 3:
        return image[None]
    used = stretch(len(image), space.slice_range)
    return image[used.start : used.stop]
