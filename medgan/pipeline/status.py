"""How an output folder stands: what is done, what failed and why, what is not done yet.

Read from the ledgers and plans of all runs and shards, and checked against the outputs that are
there. It neither reads the input nor writes anything, and may be asked while a run is going on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from medgan.errors import UsageError
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.ledger import LEDGER, Ledger
from medgan.pipeline.lock import LOCK, holder
from medgan.pipeline.plan_file import read_plans
from medgan.pipeline.stage import STATE
from medgan.pipeline.state_files import all_parts
from medgan.record import Failure

State = Literal["done", "failed", "not done"]


@dataclass(frozen=True)
class UnitStatus:
    """How one unit stands.

    Parameters
    ----------
    unit
        `<pipeline>/<source>/<scan>`, or `<pipeline>/<stage>` for what is done once.
    why
        What failed, or why it has to be done; empty if it is done.
    failure
        All that is known of the failure.
    """

    unit: str
    state: State
    why: str = ""
    failure: Failure | None = None


@dataclass(frozen=True)
class RunStatus:
    """How an output folder stands.

    Parameters
    ----------
    units
        In planned order, by pipeline.
    at_work
        Who writes there at this moment, e.g. `process 4711`.
    """

    units: tuple[UnitStatus, ...]
    at_work: tuple[str, ...] = ()

    def of(self, state: State) -> tuple[UnitStatus, ...]:
        """Return the units in one state."""
        return tuple(unit for unit in self.units if unit.state == state)

    @property
    def exit_code(self) -> int:
        """0 all is done, 3 something failed or is not done yet."""
        return 3 if self.of("failed") or self.of("not done") else 0

    def as_json(self) -> dict[str, Any]:
        """Return the document that `--json` prints."""
        counts = Counter(unit.state for unit in self.units)
        return {
            "exit_code": self.exit_code,
            "at_work": list(self.at_work),
            "done": counts["done"],
            "failed": counts["failed"],
            "not_done": counts["not done"],
            "units": [asdict(unit) for unit in self.units],
        }


def read_status(out: Path) -> RunStatus:
    """Look at an output folder.

    Raises
    ------
    UsageError
        If medgan has never run there.
    """
    out = out.absolute()
    state = out / STATE
    plans = read_plans(state)
    if not plans and not all_parts(state, LEDGER):
        raise UsageError(
            "no run has written to this folder",
            where=str(out),
            hint="Name the folder that was given with -o.",
        )
    ledger = Ledger(out, state, FileDigests(state, read_only=True))
    planned = {unit: key for plan in plans.values() for unit, key in plan.units.items()}
    refused = {unit: why for plan in plans.values() for unit, why in plan.refused.items()}
    # Runs of a pipeline whose plan is lost, or was made before there were any.
    known = [u for u in ledger.units if u.partition("/")[0] not in plans]
    units = [_judge(unit, None, ledger) for unit in known]
    units += [_judge(unit, key, ledger) for unit, key in planned.items()]
    units += [UnitStatus(unit, "failed", why.what, why) for unit, why in refused.items()]
    return RunStatus(tuple(units), tuple(_at_work(state)))


def _judge(unit: str, key: str | None, ledger: Ledger) -> UnitStatus:
    last = ledger.last(unit)
    if key is None:  # nobody has hashed its input since: what it last came to stands
        key = "" if last is None else last.key
    if ledger.up_to_date(key) is not None:
        return UnitStatus(unit, "done")
    if last is not None and last.key == key and last.failure is not None:
        return UnitStatus(unit, "failed", last.failure.what, last.failure)
    return UnitStatus(unit, "not done", ledger.why(key, unit) if key else "not done yet")


def _at_work(state: Path) -> list[str]:
    found = []
    for file in all_parts(state, LOCK):
        part = file.name.removeprefix(LOCK).removeprefix(".")
        who = holder(state, part)
        if who:
            found.append(f"{part}: {who}" if part else who)
    return found
