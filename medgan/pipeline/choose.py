"""Which units of a plan are worked on now, and what becomes of those that are not."""

from __future__ import annotations

from dataclasses import dataclass

from medgan.pipeline.ledger import Ledger
from medgan.pipeline.options import Only
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.plan import Plan
from medgan.pipeline.summary import NOT_DONE
from medgan.pipeline.unit import Unit, failed
from medgan.record import Failure


@dataclass(frozen=True)
class Choice:
    """What to do of one group, and what is known of the rest.

    Parameters
    ----------
    todo
        Units to work on, in order.
    known
        Outcomes of all others, by key.
    n_up_to_date
        How many of those are done and need no work.
    """

    todo: tuple[Unit, ...]
    known: dict[str, Outcome]
    n_up_to_date: int


def choose(planned: Plan, ledger: Ledger, only: Only) -> Choice:
    """Set aside what is up to date, and what a person did not ask for.

    A unit without an item (training, report) is done whenever it is not up to date.
    """
    todo, known, n_up_to_date = [], {}, 0
    for unit in planned.units:
        done = ledger.up_to_date(unit.key)
        if done is not None:
            known[unit.key] = done
            n_up_to_date += 1
        elif unit.item is None or only == "all":
            todo.append(unit)
        else:
            last = ledger.last(unit.id)
            has_failed = last is not None and not last.is_done
            if only == "failed" and has_failed:
                todo.append(unit)
            elif last is not None and has_failed and last.key == unit.key:
                known[unit.key] = last
            else:
                known[unit.key] = left(unit, ledger.why(unit.key, unit.id))
    return Choice(tuple(todo), known, n_up_to_date)


def left(unit: Unit, why: str) -> Outcome:
    """Say of a scan that this run did not come to it; never written to the ledger."""
    hint = "Run the same command without --retry-failed or --merge; it does what is left."
    return failed(unit, "left", Failure("run", NOT_DONE, why, hint=hint))
