"""Draw again what comes too near to a training scan."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from medgan.data import index_cases
from medgan.data.preparation import prepared
from medgan.data.survey import survey
from medgan.errors import DataError
from medgan.evaluation.copy_alarm import CopyAlarm
from medgan.evaluation.image_set import ImageSet
from medgan.models import ModelInfo
from medgan.synthesis.fitted import stack_samples
from medgan.synthesis.output import output_of

QUANTILE = 0.99
"""Of how near training scans are to each other: one in a hundred honest samples is drawn again."""

MOST_DRAWS = 20
"""Draws of one case before it is given up: a model that mostly makes copies is to be known."""

FEWEST = 3
AT_MOST = 400


class CopyGuard:
    """Knows the training scans of a model, in the space of its samples.

    Parameters
    ----------
    train
        Training images (n, *S) in -1..1, at least 3.
    names
        One each.
    quantile
        Of how near they are to each other; see `CopyAlarm.of`.
    """

    def __init__(
        self, train: NDArray[np.float32], names: Sequence[str] = (), quantile: float = QUANTILE
    ) -> None:
        self.alarm = CopyAlarm.of(ImageSet(train, names=tuple(names)), quantile)

    @classmethod
    def of_folder(cls, folder: Path, info: ModelInfo) -> CopyGuard:
        """Read the scans of a folder that a model was trained on.

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
        samples = stack_samples(prepared(trained, looks, space, None), space, AT_MOST)
        return cls(samples[:, 0].numpy())

    def is_copy(self, image: NDArray[np.floating]) -> bool:
        """Return whether an image (*S) is nearer to a training image than the threshold."""
        (found,) = self.alarm.look(ImageSet(image[None].astype(np.float32)))
        return found is not None
