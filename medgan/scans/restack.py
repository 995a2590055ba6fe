"""Put the slices of a stack at other places of a longer one, so that there is room between them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from medgan.scans.grid import Grid
from medgan.scans.listing import Found
from medgan.scans.scan import Scan

T = TypeVar("T")
Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Restack:
    """Where every slice of a stack goes.

    Parameters
    ----------
    index
        (old,) position of each slice in the new stack, ascending.
    n
        Length of the new stack.
    step
        New distance between slices in units of the old one. The slice at position 0 stays where
        it is in the world, and so do all others where `index` is as wide apart as 1 / `step`.
    """

    index: NDArray[np.int64]
    n: int
    step: float = 1.0

    @classmethod
    def opening(cls, n_old: int, opened: tuple[int, ...]) -> Self:
        """Open positions, as they are numbered in the new stack; later slices move on."""
        n = n_old + len(opened)
        kept = np.setdiff1d(np.arange(n), opened)
        return cls(kept, n)

    @classmethod
    def extending(cls, n_old: int, before: int, after: int) -> Self:
        """Add positions beyond both ends; every slice stays where it is."""
        return cls(np.arange(n_old) + before, before + n_old + after)

    @classmethod
    def thinning(cls, n_old: int, factor: int) -> Self:
        """Put `factor` - 1 positions between any two slices; every slice stays where it is."""
        return cls(np.arange(n_old) * factor, (n_old - 1) * factor + 1, 1 / factor)

    def grid(self, grid: Grid, axis: int) -> Grid:
        """Return the grid of the new stack."""
        affine = grid.affine.copy()
        step = affine[:3, axis] * self.step
        affine[:3, 3] -= self.index[0] * step
        affine[:3, axis] = step
        i, j, k = (self.n if a == axis else side for a, side in enumerate(grid.shape))
        return Grid((i, j, k), affine)

    def found(self, found: Found) -> Found:
        """Return how a scan is listed with the new positions missing."""
        return replace(
            found,
            grid=self.grid(found.grid, found.axis),
            present=self._flags(found.present),
            instances=self._spread(found.instances),
            empty_ends=tuple(int(self.index[p]) for p in found.empty_ends),
            damaged=tuple(int(self.index[p]) for p in found.damaged),
        )

    def scan(self, scan: Scan) -> Scan:
        """Return the scan with the new positions missing; stored values are copied as they are.

        A new position has the rescale of the nearest old one, of two the earlier.
        """
        nearest = np.abs(np.arange(self.n)[:, None] - self.index).argmin(axis=1)
        source = scan.source
        if len(source.files) == scan.n_positions > 1:
            source = replace(source, files=self._spread(source.files))
        return replace(
            scan,
            stored=self._voxels(scan.stored, scan.axis),
            region=None if scan.region is None else self._voxels(scan.region, scan.axis),
            grid=self.grid(scan.grid, scan.axis),
            present=self._flags(scan.present),
            synthetic=self._flags(scan.synthetic),
            slope=scan.slope[nearest],
            intercept=scan.intercept[nearest],
            source=replace(source, frames=self._spread(source.frames)),
            instances=self._spread(scan.instances),
        )

    def _voxels(self, old: NDArray[Kind], axis: int) -> NDArray[Kind]:
        size = list(old.shape)
        size[axis] = self.n
        new = np.zeros(size, old.dtype)
        np.moveaxis(new, axis, 0)[self.index] = np.moveaxis(old, axis, 0)
        return new

    def _flags(self, old: NDArray[np.bool_]) -> NDArray[np.bool_]:
        flags = np.zeros(self.n, dtype=bool)
        flags[self.index] = old
        return flags

    def _spread(self, old: tuple[T | None, ...]) -> tuple[T | None, ...]:
        """Move one thing a slice to the new positions; None where there is no slice."""
        if not old:
            return ()
        spread: list[T | None] = [None] * self.n
        for position, thing in zip(self.index.tolist(), old, strict=True):
            spread[position] = thing
        return tuple(spread)
