"""Physical values of a stored array, derived where they are looked at.

A whole scan in floating point takes two to eight times the memory of what is stored, so pictures
and tables look at it through this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

CHUNK = 1 << 20
"""Voxels that are derived at once, about: bounds what double precision takes."""


@dataclass(frozen=True, eq=False)
class PhysicalView:
    """An array of physical values that holds none: views of what they are derived from.

    Indexing and transposing give another view, as with numpy; `np.asarray` derives the values.

    Parameters
    ----------
    stored
        Stored values, any shape.
    slope, intercept
        Broadcast to it: physical = stored * slope + intercept, in double precision.
    present
        Broadcast to it, bool: where it is false the value is NaN.
    """

    stored: NDArray[np.generic]
    slope: NDArray[np.float64]
    intercept: NDArray[np.float64]
    present: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.stored.shape

    @property
    def ndim(self) -> int:
        return self.stored.ndim

    @property
    def size(self) -> int:
        return self.stored.size

    def __getitem__(self, index: Any) -> PhysicalView:
        """Return a view of part of it; index as in numpy (fancy ones copy stored values)."""
        return PhysicalView(*(np.asarray(array[index]) for array in self._arrays))

    def transpose(self, axes: Sequence[int]) -> PhysicalView:
        """Return a view with the axes in another order."""
        return PhysicalView(*(array.transpose(axes) for array in self._arrays))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Derive the values, float32 (as all arrays of physical values here)."""
        values = np.empty(self.shape, np.float32)
        if self.ndim == 0 or self.size <= CHUNK:
            values[...] = self._derived()
        else:
            # Along the axis whose slabs lie together in memory.
            axis = int(np.argmax([abs(stride) for stride in self.stored.strides]))
            slabs = np.moveaxis(values, axis, 0)
            order = (axis, *(a for a in range(self.ndim) if a != axis))
            for at, slab in enumerate(slabs):
                slab[...] = np.asarray(self.transpose(order)[at])
        return values if dtype is None else values.astype(dtype, copy=False)

    @property
    def _arrays(self) -> tuple[NDArray[Any], ...]:
        return self.stored, self.slope, self.intercept, self.present

    def _derived(self) -> NDArray[np.float32]:
        scaled = np.asarray(self.stored, np.float64) * self.slope + self.intercept
        return np.where(self.present, scaled, np.nan).astype(np.float32)
