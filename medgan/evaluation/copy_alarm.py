"""Is an image nearer to a training image than these are to each other? Asked one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.evaluation.copies import Copy, best_match, fine_structure
from medgan.evaluation.image_set import ImageSet


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
    def of(cls, train: ImageSet, quantile: float) -> Self:
        """Calibrate on training images (n, *S), at least 3, by each one's nearest other.

        Parameters
        ----------
        quantile
            Share of training images that are no nearer to another one than the threshold; one less
            it is the share of honest images that are taken for copies, where these are like
            training images.
        """
        fine = fine_structure(train)
        nearest, _ = best_match(fine, fine, skip_self=True)
        return cls(fine, train.names, float(np.quantile(nearest, quantile)))

    def look(self, images: ImageSet) -> list[Copy | None]:
        """Return for each image the training image that it copies, or None."""
        likeness, at = best_match(fine_structure(images), self.fine, skip_self=False)
        return [
            Copy(name, self.names[int(place)], float(value)) if value > self.threshold else None
            for name, place, value in zip(images.names, at, likeness, strict=True)
        ]
