"""Costly things by number, each used several times before another takes its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class Pool(Generic[Item]):
    """What numbers have in common: as many things as there are places, replaced by turns.

    A thing depends on its place and age alone, so that any number can be asked for at any time and
    by any process; asked for in order, each is made once and used `reuse` times.

    Parameters
    ----------
    make
        From a place, 0 .. places - 1, and an age, 0, 1, ..., to a thing.
    places
        Things kept.
    reuse
        Turns after which a thing is replaced.
    row
        Neighbouring places whose things are replaced in the same turn.
    """

    make: Callable[[int, int], Item]
    places: int
    reuse: int
    row: int = 1
    _kept: dict[int, tuple[int, Item]] = field(default_factory=dict, repr=False)

    def __call__(self, number: int) -> Item:
        """Return the thing of a number, counted from 0."""
        turn, place = divmod(number, self.places)
        age = (turn + place // self.row % self.reuse) // self.reuse
        kept = self._kept.get(place)
        if kept is None or kept[0] != age:
            kept = self._kept[place] = age, self.make(place, age)
        return kept[1]
