"""What to say of a unit whose process ended: killed, too slow, too hungry, or lost."""

from __future__ import annotations

import signal

from medgan.pipeline.child import EXIT_LOADING_TOO_LONG, EXIT_OUT_OF_MEMORY
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.unit import Unit, failed
from medgan.record import Failure

CANNOT_START = "child processes die while they start"
LOOK_WITHOUT_CHILDREN = "`--workers 0` runs without children and shows why."


def too_slow(unit: Unit, stage: str, limit_s: float | None) -> Outcome:
    """Name a unit that met its time limit."""
    return failed(
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
    return failed(
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
        return failed(unit, "start", Failure("child", "StageError", what))
    code = exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return failed(
        unit,
        "crashed",
        Failure(
            stage or "child",
            "ChildDied",
            f"its child process {how}",
            hint="If it was killed, the machine may have run out of memory: use fewer --workers.",
        ),
    )


def machines_lost(unit: Unit, n: int) -> Outcome:
    """Name a unit under which one machine after the other ended."""
    return failed(
        unit,
        "lost",
        Failure(
            "child",
            "MachineLost",
            f"{n} machines or jobs ended while they had it in hand",
            hint="Give a job more time and memory (--job), look into its log, then --retry-failed.",
        ),
    )


def not_started(unit: Unit, what: str, hint: str, where: str = "") -> Outcome:
    """Say that no unit can be done where this one was sent: it stops the run."""
    return failed(unit, "start", Failure("start", "StageError", what, where, hint))
