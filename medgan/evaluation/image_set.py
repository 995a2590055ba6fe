"""The sets that are compared: images, their labels if any, and their names."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

from medgan.errors import DataError

MAX_VOXELS = 65_536


@dataclass(frozen=True)
class ImageSet:
    """Images on one grid, in 2D or 3D.

    Parameters
    ----------
    images
        (n, *S) float32 in -1..1; `common_grid` makes them.
    labels
        (n, *S) integers, 0 background; None where there are none.
    names
        One per image, for what is said about single images; empty: their numbers.

    Raises
    ------
    DataError
        If the arrays do not fit together.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.integer] | None = None
    names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        n, *shape = self.images.shape
        if len(shape) not in {2, 3}:
            raise DataError(
                f"expected images (n, *S) with 2 or 3 spatial axes, found {self.images.shape}",
                hint="Stack single images along a first axis.",
            )
        if self.labels is not None and self.labels.shape != self.images.shape:
            raise DataError(
                f"labels {self.labels.shape} do not lie on the images {self.images.shape}",
                hint="Bring both to one grid with common_grid and common_labels.",
            )
        if not self.names:
            object.__setattr__(self, "names", tuple(str(i) for i in range(n)))
        if len(self.names) != n:
            raise DataError(f"{n} images but {len(self.names)} names", hint="Name each image.")

    def __len__(self) -> int:
        return len(self.images)

    @property
    def shape(self) -> tuple[int, ...]:
        """Spatial shape of one image."""
        return self.images.shape[1:]

    @property
    def classes(self) -> tuple[int, ...]:
        """Label values other than background, ascending."""
        if self.labels is None:
            return ()
        return tuple(int(value) for value in np.unique(self.labels) if value != 0)

    def take(self, indices: NDArray[np.integer] | list[int]) -> Self:
        """Return the images at `indices`."""
        return type(self)(
            self.images[indices],
            None if self.labels is None else self.labels[indices],
            tuple(self.names[int(i)] for i in indices),
        )

    def shrunk(self, max_voxels: int = MAX_VOXELS) -> Self:
        """Return images of at most `max_voxels` each, so that cost stays bounded.

        Means over blocks of 2, 3, ... voxels along each axis, labels from the middle of each block;
        what does not fill a block is dropped. Small images come back as they are.
        """
        factor = 1
        while math.prod(max(1, side // factor) for side in self.shape) > max_voxels:
            factor += 1
        if factor == 1:
            return self
        whole = (slice(None), *(slice(0, side - side % factor) for side in self.shape))
        middle = (slice(None), *(slice(factor // 2, None, factor) for _ in self.shape))
        split = [part for side in self.shape for part in (side // factor, factor)]
        blocks = self.images[whole].reshape(len(self), *split)
        return type(self)(
            blocks.mean(axis=tuple(range(2, blocks.ndim, 2)), dtype=np.float32),
            None if self.labels is None else self.labels[whole][middle],
            self.names,
        )


def join(first: ImageSet, second: ImageSet) -> ImageSet:
    """Return both sets as one; labels only where both have them."""
    both = first.labels is not None and second.labels is not None
    return ImageSet(
        np.concatenate([first.images, second.images]),
        np.concatenate([first.labels, second.labels]) if both else None,
        first.names + second.names,
    )
