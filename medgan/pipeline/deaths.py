"""What to say of a unit whose child process ended: killed, too slow, or too hungry."""

from __future__ import annotations

import dataclasses
import signal

from medgan.pipeline.child import EXIT_LOADING_TOO_LONG, EXIT_OUT_OF_MEMORY
from medgan.pipeline.outcome import Outcome, Status
from medgan.pipeline.unit import Unit, failed
from medgan.record import Failure

_SUSPICIOUS = {"crashed", "time", "memory"}


def is_suspect(outcome: Outcome, unit: Unit) -> bool:
    """Whether a scan may have suffered for its neighbours: worth one more try, alone."""
    return outcome.status in _SUSPICIOUS and unit.item is not None


def tried_twice(outcome: Outcome) -> Outcome:
    """Say of a suspect that failed again that it did."""
    if outcome.failure is None:
        return outcome
    what = f"{outcome.failure.what} (tried twice, the second time alone)"
    return dataclasses.replace(outcome, failure=dataclasses.replace(outcome.failure, what=what))


def too_slow(unit: Unit, stage: str, limit_s: float | None) -> Outcome:
    """Name a unit that met its time limit."""
    return _lost(
        unit,
        "time",
        Failure(
            stage or "child",
            "TimeLimit",
            f"it took longer than the limit of {limit_s:g} s",
            hint="Raise the limit with --time-limit, and --retry-failed.",
        ),
    )


def too_hungry(unit: Unit, stage: str, memory_mb: float) -> Outcome:
    """Name a unit that needed more memory than a child may use."""
    return _lost(
        unit,
        "memory",
        Failure(
            stage or "child",
            "OutOfMemory",
            f"it needed more than the {memory_mb / 1e3:.1f} GB a child may use",
            hint="Use fewer --workers, or raise --memory, so that each may use more; then "
            "--retry-failed.",
        ),
    )


def died(unit: Unit, stage: str, exitcode: int | None, memory_mb: float) -> Outcome:
    """Name a unit by how its child ended."""
    if exitcode == EXIT_OUT_OF_MEMORY:
        return too_hungry(unit, stage, memory_mb)
    if exitcode == EXIT_LOADING_TOO_LONG:
        what = "a child process could not load the model in time"
        return _lost(unit, "start", Failure("child", "StageError", what))
    code = exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return _lost(
        unit,
        "crashed",
        Failure(
            stage or "child",
            "ChildDied",
            f"its child process {how}",
            hint="If it was killed, the machine may have run out of memory: use fewer --workers.",
        ),
    )


def _lost(unit: Unit, status: Status, failure: Failure) -> Outcome:
    return failed(unit, status, failure)
