"""Is an image nearer to a training image than these are to each other? Asked one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.evaluation.copies import Copy, best_match, fine_structure
from medgan.evaluation.image_set import ImageSet

N_ASKED = 400
"""Training images that are asked how near they come to any other: a quantile needs no more."""


@dataclass(frozen=True, eq=False)
class CopyAlarm:
    """Training images, and the likeness from which an image counts as a copy of one.

    Parameters
    ----------
    fine
        Their fine structure (n, *S); see `evaluation.copies`.
    names
        One each.
    threshold
        Correlation of fine structure above which an image is a copy.
    """

    fine: NDArray[np.float32]
    names: tuple[str, ...]
    threshold: float

    @classmethod
    def of(
        cls, train: Iterable[NDArray[np.float32]], quantile: float, names: Sequence[str] = ()
    ) -> Self:
        """Calibrate on training images (*S) in -1..1, at least 3, by each one's nearest other.

        Parameters
        ----------
        train
            Looked at one by one: they need not fit into memory together, their fine structure must.
        names
            One each; empty: their numbers.
        quantile
            Share of training images that are no nearer to another one than the threshold; one less
            it is the share of honest images that are taken for copies, where these are like
            training images.
        """
        fine = np.concatenate([fine_structure(ImageSet(image[None])) for image in train])
        spread = np.linspace(0, len(fine) - 1, min(N_ASKED, len(fine))).round()
        asked = np.unique(spread.astype(np.int64))
        nearest, _ = best_match(fine[asked], fine, asked)
        names = tuple(names) or tuple(map(str, range(len(fine))))
        return cls(fine, names, float(np.quantile(nearest, quantile)))

    def look(self, images: ImageSet) -> list[Copy | None]:
        """Return for each image the training image that it copies, or None."""
        likeness, at = best_match(fine_structure(images), self.fine)
        return [
            Copy(name, self.names[int(place)], float(value)) if value > self.threshold else None
            for name, place, value in zip(images.names, at, likeness, strict=True)
        ]
