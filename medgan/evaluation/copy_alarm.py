"""Is an image nearer to a training image than these are to each other? Asked one by one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medgan.errors import DataError
from medgan.evaluation.copies import Copy, best_match, fine_structure, keys_of
from medgan.evaluation.image_set import ImageSet

N_ASKED = 400
"""Training images that are asked how near they come to others: a quantile needs no more."""

FEWEST = 3
"""Scans below which nothing says how near honest images come."""


@dataclass(frozen=True, eq=False)
class CopyAlarm:
    """Training images, and the likeness from which an image counts as a copy of one.

    Parameters
    ----------
    keys
        Their fine structure; see `evaluation.copies`.
    threshold
        Correlation of fine structure above which an image is a copy.
    """

    keys: Tensor
    threshold: float

    @classmethod
    def of(cls, scans: Iterable[NDArray[np.float32]], quantile: float) -> Self:
        """Calibrate on training scans by how near each one's images come to those of another.

        Parameters
        ----------
        scans
            Images (k, *S) in -1..1 of each: in 2D its slices, which are like their neighbours and
            say nothing of how near honest images come; in 3D one. Looked at one by one: they need
            not fit into memory together, their fine structure must, three times over.
        quantile
            Share of training images that are no nearer to another one than the threshold; one less
            it is the share of honest images that are taken for copies, where these are like
            training images.

        Raises
        ------
        DataError
            If there are fewer than three scans.
        """
        several = [fine_structure(ImageSet(images)) for images in scans]
        if len(several) < FEWEST:
            raise DataError(
                f"{len(several)} scans do not say how near honest images come",
                hint=f"Give at least {FEWEST}.",
            )
        fine = np.concatenate(several)
        scan = np.repeat(np.arange(len(several)), [len(images) for images in several])
        spread = np.linspace(0, len(fine) - 1, min(N_ASKED, len(fine))).round()
        asked = np.unique(spread.astype(np.int64))
        keys = keys_of(fine)
        nearest, _ = best_match(fine[asked], keys, scan[asked][:, None] == scan)
        return cls(keys, float(np.quantile(nearest, quantile)))

    def look(self, images: ImageSet) -> list[Copy | None]:
        """Return for each image the training image, by its number, that it copies, or None."""
        likeness, at = best_match(fine_structure(images), self.keys)
        return [
            # What is not a number is no honest image.
            None if value <= self.threshold else Copy(name, str(place), float(value))
            for name, place, value in zip(images.names, at, likeness, strict=True)
        ]
