"""Thick slices as averages of thin ones: the average, and stacks that agree with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

from medgan.interpolation.fillers import Filler
from medgan.interpolation.stack import Stack

N_BACK = 6
"""Back-projections before the exact one: each puts back, smoothly, what the average still lacks."""

CHUNK = 1 << 24
"""Numbers that are solved for at once: bounds memory."""

LEAST_PIVOT = 1e-9
"""Share of the largest pivot below which averages depend on each other, up to rounding."""

Planes = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Slabs:
    """n thick slices, each the weighted mean of thin ones, `factor` times as many.

    Parameters
    ----------
    average
        (n, n factor) sparse; rows sum to one.
    spread
        (n factor, n) sparse: linear interpolation from the centres of thick slices, constant beyond
        the first and last.
    """

    factor: int
    average: sparse.csr_array
    spread: sparse.csr_array

    @classmethod
    def of(cls, n: int, factor: int, profile: Sequence[float] = ()) -> Self:
        """Describe a stack.

        Parameters
        ----------
        profile
            Weights of consecutive thin slices, centred on the thick one; empty: a box of `factor`.
            It may be wider than the step (overlapping slices) or narrower (slices with a space
            between). What reaches beyond the stack is left out, the rest weighs more.

        Raises
        ------
        ValueError
            If its centre does not fall on that of the thick slice, its weights are no profile, or
            one thick slice follows from others, as where it is wider than the stack.
        """
        weights = np.asarray(profile or [1.0] * factor, dtype=np.float64)
        check_profile(weights, factor)
        start = np.arange(n)[:, None] * factor + (factor - len(weights)) // 2
        columns = start + np.arange(len(weights))
        rows = np.broadcast_to(np.arange(n)[:, None], columns.shape)
        entries = np.broadcast_to(weights, columns.shape)
        inside = (columns >= 0) & (columns < n * factor) & (entries > 0)
        where = (rows[inside], columns[inside])
        average = sparse.csr_array((entries[inside], where), shape=(n, n * factor))
        average = sparse.csr_array(sparse.diags_array(1 / average.sum(axis=1)) @ average)
        if not _are_independent(average):
            raise ValueError(
                f"a profile of {len(weights)} weights makes {n} thick slices that tell no more "
                "than fewer would: no thin slices can be found that agree with them"
            )
        return cls(factor, average, _spread(n, factor))

    @property
    def centres(self) -> NDArray[np.float64]:
        """(n factor,) where thin slices lie, in steps of thick ones from the first."""
        return _centres(self.average.shape[0], self.factor)

    @property
    def is_box(self) -> bool:
        """Whether every thick slice is the plain mean of the thin ones within its step."""
        entries = self.average.data
        return len(entries) == self.average.shape[1] and bool(np.allclose(entries, 1 / self.factor))

    def averaged(self, thin: Planes) -> Planes:
        """Return the thick slices (n, h, w) of thin ones (n factor, h, w)."""
        return _apply(self.average, thin)

    def projected(self, thin: Planes, thick: Planes) -> Planes:
        """Return the stack nearest to `thin` whose averages are exactly `thick`.

        x + A'(AA')^-1 (y - Ax): the projection onto the data, whatever the profile.
        """
        solve = splu(sparse.csc_array(self.average @ self.average.T)).solve
        lacking = (thick - self.averaged(thin)).reshape(len(thick), -1)
        result = thin.reshape(len(thin), -1).copy()
        width = max(1, CHUNK // len(thin))
        for at in range(0, lacking.shape[1], width):
            part = solve(lacking[:, at : at + width].astype(np.float64))
            result[:, at : at + width] += (self.average.T @ part).astype(np.float32)
        return result.reshape(thin.shape)

    def made_consistent(self, thin: Planes, thick: Planes) -> Planes:
        """Put back what the averages lack, smoothly at first and then exactly.

        References
        ----------
        Irani and Peleg 1991, Improving Resolution by Image Registration (iterated back-projection).
        """
        result = thin
        for _ in range(N_BACK):
            result = result + _apply(self.spread, thick - self.averaged(result))
        return self.projected(result, thick)


def check_profile(
    weights: Sequence[float] | NDArray[np.float64], factor: int | None = None
) -> None:
    """Refuse weights that are no profile, whatever the stack.

    Parameters
    ----------
    factor
        Thin slices a step; None: not known yet.

    Raises
    ------
    ValueError
        If a weight is negative, all are 0, or their centre is not that of the thick slice.
    """
    if min(weights) < 0 or not sum(weights) > 0:
        raise ValueError("the weights of a profile must not be negative, and not all of them 0")
    if factor is not None and (len(weights) - factor) % 2:
        raise ValueError(
            f"a profile of {len(weights)} weights for {factor} thin slices a step: an "
            f"{'odd' if factor % 2 else 'even'} number is needed"
        )


def estimate(thick: Stack, slabs: Slabs, filler: Filler) -> Planes:
    """Return thin slices (n factor, h, w) by one filler that agree with the thick ones."""
    n, factor = len(thick.planes), slabs.factor
    step = float(thick.positions_mm[1] - thick.positions_mm[0])
    places = np.concatenate([np.arange(n), slabs.centres]) * step
    order = np.argsort(places, kind="stable")
    at = np.empty_like(order)
    at[order] = np.arange(len(order))
    merged = np.zeros((len(order), *thick.planes.shape[1:]), np.float32)
    merged[at[:n]] = thick.planes
    present = np.zeros(len(order), bool)
    present[at[:n]] = True
    stack = Stack(merged, present, places[order], thick.pixel_mm)
    is_between = (slabs.centres > 0) & (slabs.centres < n - 1) & (slabs.centres % 1 != 0)
    inside = np.flatnonzero(is_between)
    # At a centre, and beyond the first and last one, start from the average itself.
    thin = np.repeat(thick.planes, factor, axis=0)
    thin[inside] = filler.fill(stack, at[n + inside].tolist())
    return slabs.made_consistent(thin, np.asarray(thick.planes))


def _are_independent(average: sparse.csr_array) -> bool:
    """Tell whether every thick slice says something that the others do not."""
    try:
        factors = splu(sparse.csc_array(average @ average.T))
    except RuntimeError:  # exactly singular
        return False
    pivots = np.abs(factors.U.diagonal())
    return bool(pivots.min() > LEAST_PIVOT * pivots.max())


def _centres(n: int, factor: int) -> NDArray[np.float64]:
    return (np.arange(n * factor) - (factor - 1) / 2) / factor


def _spread(n: int, factor: int) -> sparse.csr_array:
    at = np.clip(_centres(n, factor), 0, n - 1)
    lower = np.minimum(np.floor(at).astype(int), max(n - 2, 0))
    share = at - lower
    rows = np.tile(np.arange(n * factor), 2)
    columns = np.concatenate([lower, np.minimum(lower + 1, n - 1)])
    entries = np.concatenate([1 - share, share])
    return sparse.csr_array((entries, (rows, columns)), shape=(n * factor, n))


def _apply(matrix: sparse.csr_array, planes: Planes) -> Planes:
    flat = matrix.astype(np.float32) @ planes.reshape(len(planes), -1)
    return np.asarray(flat, dtype=np.float32).reshape(-1, *planes.shape[1:])
