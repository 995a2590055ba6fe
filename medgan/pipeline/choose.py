"""Which units of a plan are worked on now, and what becomes of those that are not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from medgan.errors import UsageError
from medgan.pipeline.ledger import Ledger
from medgan.pipeline.options import Only
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.plan import Plan
from medgan.pipeline.stage import Item
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

    @property
    def made_from(self) -> frozenset[str]:
        """Names of the files that what is done was made from."""
        done = (outcome for outcome in self.known.values() if outcome.is_done)
        return frozenset(n for o in done for record in o.records for n in record.sources)


def choose(planned: Plan, ledger: Ledger, only: Only, were_refused: Collection[str] = ()) -> Choice:
    """Set aside what is up to date, and what a person did not ask for.

    A unit without an item (training, report) is done whenever it is not up to date.

    Parameters
    ----------
    were_refused
        Names of files that failed in an earlier run before they became units.

    Raises
    ------
    UsageError
        For a merge with other settings than those of all that was done.
    """
    if only == "merge":
        _check_merge(planned, ledger)
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
            if only == "failed" and (has_failed or _was_refused(unit.item, were_refused)):
                todo.append(unit)
            elif last is not None and has_failed and last.key == unit.key:
                known[unit.key] = last
            else:
                known[unit.key] = left(unit, ledger.why(unit.key, unit.id))
    return Choice(tuple(todo), known, n_up_to_date)


def _was_refused(item: Item, were_refused: Collection[str]) -> bool:
    """Whether a file of an item was refused, or, of a DICOM series, one that lay beside it."""
    sources = [PurePosixPath(name) for record in item.records for name in record.sources]
    refused = [PurePosixPath(name) for name in were_refused]
    is_series = any(record.format == "dicom" for record in item.records)
    folders = {name.parent for name in refused} if is_series else set()
    return any(name in refused or name.parent in folders for name in sources)


def _check_merge(planned: Plan, ledger: Ledger) -> None:
    """Refuse a merge that knows none of the units under its own settings, but under others."""
    scans = [unit for unit in planned.units if unit.item is not None]
    if any(_is_known(unit, ledger) for unit in scans):
        return
    others = ledger.with_results(unit.id for unit in scans)
    if others:
        raise UsageError(
            f"no scan was done with these settings, but {len(others)} with others: the shards had "
            "other options, or the input, model or program has changed since",
            where="--merge",
            hint="Give the merge all options of the shards, --shard aside.",
        )


def _is_known(unit: Unit, ledger: Ledger) -> bool:
    last = ledger.last(unit.id)
    return ledger.up_to_date(unit.key) is not None or (last is not None and last.key == unit.key)


def left(unit: Unit, why: str) -> Outcome:
    """Say of a scan that this run did not come to it; never written to the ledger."""
    hint = "Run the same command without --retry-failed or --merge; it does what is left."
    return failed(unit, "left", Failure("run", NOT_DONE, why, hint=hint))
