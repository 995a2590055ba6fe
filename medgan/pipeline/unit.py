"""One unit of work: the steps of a group on one item, done in whatever process holds them."""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medgan.errors import LOOK_FIRST, MedganError, ValidationError
from medgan.models.memory import is_out_of_memory
from medgan.pipeline.hide import hide_failure, hide_work, plain_trace
from medgan.pipeline.outcome import Outcome, Output, Status
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context, Done, Item, PerRun, PerScan, Source, Work
from medgan.pipeline.staging import mark, publish, staging
from medgan.record import Failure, ScanRecord, dump

NOT_PROVED = (
    "Nothing of this scan was published. Run it again; if that ends the same way, please report it."
)
"""What to do where that which was written is not what was meant."""


@dataclass(frozen=True, eq=False)
class Unit:
    """What a child is given: an item for a chain of stages, or all that came before for one stage.

    Parameters
    ----------
    key
        Hash of all that the result depends on.
    id
        The same from run to run, e.g. `restore_folder/index/HFS/3_t1`.
    """

    key: str
    id: str
    item: Item | None = None
    before: Done | None = None


class Chain:
    """The steps of one group with what they loaded; made once per child.

    Raises
    ------
    MedganError
        If a stage cannot load what it needs.
    """

    def __init__(self, steps: Sequence[Step], context: Context) -> None:
        self._context = context
        self._steps = tuple(steps)
        self._loaded: dict[str, Any] = {}
        for step in steps:
            stage = step.stage
            if not isinstance(stage, PerRun):
                self._loaded[step.name] = stage.load(step.settings, context)
        self._at = ""

    def perform(self, unit: Unit) -> Outcome:
        """Do one unit; every fault becomes part of the outcome, and leaves no file behind."""
        started = time.monotonic()
        outcome = self._try(unit)
        seconds = time.monotonic() - started
        return dataclasses.replace(outcome, seconds=round(seconds, 3), peak_mb=_peak_mb())

    def _try(self, unit: Unit) -> Outcome:
        try:
            return self._once(unit) if unit.item is None else self._along_item(unit, unit.item)
        # A boundary: whatever a stage does wrong must cost this unit alone, and be told.
        except Exception as error:
            failure = failure_of(error, self._at)
            status: Status = "memory" if failure.kind == "OutOfMemory" else "failed"
            is_hidden = bool(self._context.salt)
            if is_hidden:
                failure = hide_failure(failure, self._context, unit.item)
            trace = plain_trace(error) if is_hidden else traceback.format_exc()
            trace = "" if isinstance(error, MedganError) else trace
            return failed(unit, status, failure, trace)

    def _along_item(self, unit: Unit, item: Item) -> Outcome:
        """Take what the source opens through every step; records and files are what is kept."""
        source, *steps = self._steps
        assert isinstance(source.stage, Source)  # grouped so in settings.py
        records: list[ScanRecord] = []
        outputs: list[Path] = []
        with staging(self._context, unit.key) as context:
            self._reach(unit, source.name)
            for work in source.stage.open_item(
                item, source.settings, context, self._loaded[source.name]
            ):
                work = hide_work(work, item, self._context) if context.salt else work
                finished = self._along_work(unit, work, steps, context)
                records += [volume.record for volume in finished.volumes]
                outputs += finished.outputs
                self._reach(unit, source.name)
            dump([record.as_json() for record in records])  # what is no JSON must fail here
            written = publish(outputs, context.out, self._context.out)
        return Outcome(unit.key, unit.id, "done", tuple(records), written)

    def _along_work(self, unit: Unit, work: Work, steps: Sequence[Step], context: Context) -> Work:
        for step in steps:
            assert isinstance(step.stage, PerScan)
            self._reach(unit, step.name)
            work = step.stage.run(work, step.settings, context, self._loaded[step.name])
        return work

    def _reach(self, unit: Unit, stage: str) -> None:
        self._at = stage
        mark(self._context, unit.key, stage)

    def _once(self, unit: Unit) -> Outcome:
        (step,) = self._steps
        assert isinstance(step.stage, PerRun)
        self._at = step.name
        left = step.stage.run(unit.before or Done(), step.settings, self._context)
        dump(left.facts)
        outputs = tuple(Output.of(path, self._context.out) for path in sorted(set(left.outputs)))
        return Outcome(unit.key, unit.id, "done", (), outputs, left.facts)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (1e6 if sys.platform == "darwin" else 1e3))  # bytes there, kB elsewhere


def failed(unit: Unit, status: Status, failure: Failure, trace: str = "") -> Outcome:
    """Make the outcome of a unit that did not get done."""
    known = unit.item.records if unit.item else ()
    records = tuple(
        dataclasses.replace(record, status="failed", failure=failure) for record in known
    )
    return Outcome(unit.key, unit.id, status, records, failure=failure, trace=trace)


def failure_of(error: Exception, stage: str) -> Failure:
    """Put a fault into words that are fit for a report."""
    if isinstance(error, MedganError):
        hint = error.hint or NOT_PROVED * isinstance(error, ValidationError)
        return Failure(stage, type(error).__name__, error.what, error.where, hint)
    if is_out_of_memory(error):
        return Failure(
            stage,
            "OutOfMemory",
            "there was not enough memory for this scan",
            hint="Use fewer --workers, or --device cpu if it was the memory of the GPU.",
        )
    # The text of a foreign exception may quote a header; it stays in the trace.
    return Failure(
        stage,
        type(error).__name__,
        f"the program met a fault that it did not foresee ({type(error).__name__})",
        hint="The traceback lies in .medgan/traces of the output folder; please report it. "
        + LOOK_FIRST,
    )
