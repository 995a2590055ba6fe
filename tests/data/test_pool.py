"""Things by number: each made once when asked for in order, the same when asked for in any."""

from __future__ import annotations

import pytest

from medgan.data.pool import Pool


@pytest.mark.parametrize(("places", "reuse", "row"), [(1, 1, 1), (6, 4, 1), (6, 4, 3), (5, 7, 2)])
def test_each_thing_is_made_once_and_used_as_often_as_asked(
    places: int, reuse: int, row: int
) -> None:
    made: list[tuple[int, int]] = []

    def make(place: int, age: int) -> tuple[int, int]:
        made.append((place, age))
        return place, age

    pool = Pool(make, places, reuse, row)
    n = places * reuse * 5
    forth = [pool(number) for number in range(n)]
    assert len(made) == len(set(made))
    uses = [forth.count(thing) for thing in set(forth)]
    assert max(uses) == reuse
    whole = [thing for thing in set(forth) if forth.count(thing) == reuse]
    assert len(whole) >= places * 4  # the first and the last ones may be cut short
    back = Pool(lambda place, age: (place, age), places, reuse, row)
    assert [back(number) for number in reversed(range(n))] == forth[::-1]


def test_rows_are_replaced_together() -> None:
    pool = Pool(lambda place, age: (place, age), places=12, reuse=3, row=4)
    for batch in range(30):
        ages = {pool(batch * 4 + lane)[1] for lane in range(4)}
        assert len(ages) == 1
