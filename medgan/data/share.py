"""Which part of every batch one of several training processes takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """An equal part of every batch: n parts in the order of their ranks are the whole batch.

    Whatever is drawn for a batch is drawn for all of it, and each process keeps its rows; so n
    processes with `batch_size` b see together what one with n x b sees alone.

    Parameters
    ----------
    rank
        0 .. n - 1.
    n
        Processes.
    """

    rank: int = 0
    n: int = 1

    def rows(self, size: int) -> slice:
        """Return the rows of a whole batch that are this part, `size` of them."""
        return slice(self.rank * size, (self.rank + 1) * size)

    def numbers(self, step: int, size: int) -> range:
        """Return the numbers of the samples of a step, counted from the first of the run."""
        first = (step * self.n + self.rank) * size
        return range(first, first + size)


WHOLE = Share()
"""Of a process that trains alone."""
