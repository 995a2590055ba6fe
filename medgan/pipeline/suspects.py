"""Scans whose process ended: innocent perhaps, so each has one more try, alone, at the end.

What ran beside it may have taken the memory, or brought the machine down. When all others are
done there is nothing left to blame but the scan.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Sequence

from medgan.errors import StageError
from medgan.pipeline.outcome import Outcome, Status
from medgan.pipeline.unit import Unit

DEATHS_IN_A_ROW = 5
"""So many dying one after the other is the machine's fault, not the scans'."""

_DEAD: set[Status] = {"crashed", "lost"}
_SUSPICIOUS: set[Status] = {*_DEAD, "time", "memory"}


def with_second_tries(
    outcomes: Iterator[Outcome],
    units: Iterable[Unit],
    alone: Callable[[Sequence[Unit]], Iterator[Outcome]],
) -> Iterator[Outcome]:
    """Pass outcomes on; a suspect comes twice, first with `is_final` false.

    Parameters
    ----------
    outcomes
        Of all units, in any order.
    alone
        Does units one after the other, with nothing beside them.

    Raises
    ------
    StageError
        If so many die in a row that it is not the scans' doing.
    """
    by_key = {unit.key: unit for unit in units}
    suspects: list[Unit] = []
    for outcome in _not_all_dying(outcomes):
        if _is_suspect(outcome, by_key[outcome.key]):
            suspects.append(by_key[outcome.key])
            yield dataclasses.replace(outcome, is_final=False)
        else:
            yield outcome
    if suspects:
        yield from map(_tried_twice, alone(suspects))


def _is_suspect(outcome: Outcome, unit: Unit) -> bool:
    return outcome.status in _SUSPICIOUS and unit.item is not None


def _tried_twice(outcome: Outcome) -> Outcome:
    """Say of a suspect that failed again that it did."""
    if outcome.failure is None:
        return outcome
    what = f"{outcome.failure.what} (tried twice, the second time alone)"
    return dataclasses.replace(outcome, failure=dataclasses.replace(outcome.failure, what=what))


def _not_all_dying(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    deaths = 0
    for outcome in outcomes:
        deaths = deaths + 1 if outcome.status in _DEAD else 0
        yield outcome
        if deaths == DEATHS_IN_A_ROW:
            raise StageError(
                f"{deaths} child processes died one after the other",
                hint="Something is wrong with the machine or the installation; "
                "`--workers 0` runs without children and shows more.",
            )
