"""What is costly about a sample, kept and used for several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")


@dataclass
class Pool(Generic[Item]):
    """Items by sample number, each used `reuse` times and then made anew.

    Parameters
    ----------
    make
        (place, age) -> item, place 0 .. places - 1, age 0, 1, ...
    places
        Items kept.
    reuse
        Samples that an item gives.
    row
        Neighbouring places whose items are replaced together.

    Notes
    -----
    Number n lies at place n mod `places`. Ages are staggered, so that a share 1 / reuse of items
    is replaced each time round. An item depends on its place and age alone: any number can be asked
    for at any time and by any process.
    """

    make: Callable[[int, int], Item]
    places: int
    reuse: int
    row: int = 1
    _kept: dict[int, tuple[int, Item]] = field(default_factory=dict, repr=False)

    def __call__(self, number: int) -> Item:
        """Return the item of a sample, counted from 0."""
        turn, place = divmod(number, self.places)
        age = (turn + place // self.row % self.reuse) // self.reuse
        kept = self._kept.get(place)
        if kept is None or kept[0] != age:
            kept = self._kept[place] = age, self.make(place, age)
        return kept[1]
