"""A volume file (NIfTI, NRRD, MetaImage) in memory, before its gaps are looked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

COPY_AGAIN = "Copy it again from where it came from."
"""Hint for a file that is damaged."""


def surplus_notes(n_bytes: int) -> list[str]:
    """Say so where a file goes on behind its values."""
    return [f"{n_bytes} bytes behind the values are not read"] if n_bytes else []


@dataclass(frozen=True, eq=False)
class Raster:
    """One volume file as stored.

    Parameters
    ----------
    stored
        `(i, j, k)` or `(i, j, k, volume)` in the type of the file, native byte order.
    affine
        (4, 4) voxel index to RAS+ mm.
    slope, intercept
        physical = stored * slope + intercept.
    files
        The file itself, and the one that holds its pixels where that is another.
    description
        The header's free text if medgan wrote it, else empty: it may hold patient text.
    """

    stored: NDArray[np.generic]
    affine: NDArray[np.float64]
    slope: float
    intercept: float
    format: str
    files: tuple[Path, ...]
    notes: tuple[str, ...] = field(default=())
    description: str = ""

    @property
    def n_volumes(self) -> int:
        """Length of the fourth dimension; 1 for a 3D file."""
        return self.stored.shape[3] if self.stored.ndim == 4 else 1

    def volume(self, index: int | None) -> NDArray[np.generic]:
        """Return one `(i, j, k)` volume; None for a 3D file."""
        return self.stored if index is None else self.stored[..., index]

    def physical(self, stored: NDArray[np.generic]) -> NDArray[np.float64]:
        """Physical values of stored ones, (any shape) float64."""
        return np.asarray(stored, dtype=np.float64) * self.slope + self.intercept
