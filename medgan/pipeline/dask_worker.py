"""The inside of a Dask worker: one child, kept from unit to unit as long as the work is the same.

A unit that crashes, hangs or eats memory ends the child, never the worker. So when a worker is
gone, it is the machine or the job that went away, and the unit is safe to give to another. What
is returned is always an outcome: Dask logs the arguments of calls that raise, and paths and
headers are among ours.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from secrets import token_hex

from medgan import __version__
from medgan.pipeline.children import POOLS_IN_A_ROW, Children
from medgan.pipeline.choose import left
from medgan.pipeline.deaths import CANNOT_START, LOOK_WITHOUT_CHILDREN, not_started
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.unit import Unit, failed, failure_of


@dataclass(frozen=True)
class Job:
    """What all units of a group have in common.

    Parameters
    ----------
    token
        Tells it from any other job of this or another run.
    limit_s, memory_mb
        Of one unit, as in `Children`.
    version
        Of the program that asks: a worker with another one must not answer.
    """

    token: str
    steps: Sequence[Step]
    context: Context
    limit_s: float | None
    memory_mb: float
    version: str = __version__


_turn = threading.Lock()
"""One unit at a time, however many threads the worker has."""
_job: Job | None = None
_children: Children | None = None
_ended: set[str] = set()


def do(unit: Unit, job: Job) -> Outcome:
    """Do one unit in this worker's child."""
    with _turn:
        try:
            return _do(unit, job)
        # A boundary: also a fault of ours must come back as a value.
        except Exception as error:
            return failed(unit, "failed", failure_of(error, "worker"))


def let_go(token: str) -> None:
    """End the child if it works for this job, and start no other for it.

    It does not wait for its turn: what is in hand is not wanted any more.
    """
    _ended.add(token)
    if _children is not None and _job is not None and _job.token == token:
        _children.end()


def _do(unit: Unit, job: Job) -> Outcome:
    if job.version != __version__:
        what = f"a Dask worker has medgan {__version__}, and this is {job.version}"
        return not_started(unit, what, "Install the same version on all machines.")
    if not job.context.state.is_dir():
        return not_started(
            unit,
            "a Dask worker does not see the output folder",
            "Input and output have to be seen by all machines under the same names.",
            str(job.context.out),
        )
    for _ in range(POOLS_IN_A_ROW):
        try:
            return _in_child(unit, job)
        except BrokenProcessPool:
            _take_up(None)
    return not_started(unit, CANNOT_START, LOOK_WITHOUT_CHILDREN)


def _in_child(unit: Unit, job: Job) -> Outcome:
    if job != _job:
        _take_up(job)
    if job.token in _ended:
        _take_up(None)
    if _children is None:
        return left(unit, "the run was stopped")
    _children.give(unit)
    while not (outcomes := list(_children.take())):
        pass
    return outcomes[0]


def _take_up(job: Job | None) -> None:
    """End the child of the work before, and start one for this."""
    global _job, _children
    if _children is not None:
        _children.__exit__()
    _job, _children = None, None
    if job is not None:
        context = replace(job.context, staged_by=token_hex(8))
        children = Children(job.steps, context, 1, job.limit_s, job.memory_mb)
        _children = children.__enter__()
        _job = job
