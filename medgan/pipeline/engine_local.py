"""The embedded engine: units in child processes of this machine, no service and no port.

Every unit runs in a spawned child that can crash, hang or eat memory without harm to others; such
a child is ended, named and replaced (pebble). With no workers the units run in this process.
"""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as LimitReached
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context, resource_tracker
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from medgan.errors import StageError
from medgan.pipeline.child import (
    EXIT_LOADING_TOO_LONG,
    EXIT_OUT_OF_MEMORY,
    perform,
    start,
)
from medgan.pipeline.outcome import Outcome, Status
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.unit import Chain, Unit, failed
from medgan.record import Failure

LOAD_LIMIT_S = 300.0
"""A cold import of torch and MONAI on a slow network disk takes a minute; this is five."""

DEATHS_IN_A_ROW = 5
"""So many children dying one after the other is the machine's fault, not the scans'."""

_POOLS_IN_A_ROW = 3
_PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
"""Threads that wait must sleep: spinning ones made convolutions three times slower on a shared
machine."""
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


class LocalEngine:
    """Runs units on this machine.

    Parameters
    ----------
    context
        Where the run works.
    workers
        Child processes; 0 runs units in this process, for debugging and for small jobs.
    limit_s
        Time limit of one unit in seconds, counted after loading; None: no limit.
    memory_mb
        Largest resident memory of one child.
    tick
        Called about once a second while children work.
    """

    def __init__(
        self,
        context: Context,
        workers: int,
        limit_s: float | None,
        memory_mb: float,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._workers = workers
        self._limit_s = limit_s
        self._memory_mb = memory_mb
        self._tick = tick

    def run(self, steps: Sequence[Step], units: Sequence[Unit]) -> Generator[Outcome, None, None]:
        """Do the units of one group; yields outcomes as they come, in any order.

        Closing the iterator, or Ctrl-C, ends the children at once; what they had in hand is not
        done, and no half-written file has a final name.

        Raises
        ------
        StageError
            If children cannot start, or die one after the other.
        """
        if not units:
            return
        if self._workers == 0:
            chain = Chain(steps, self._context)
            yield from map(chain.perform, units)
            return
        yield from self._in_children(steps, deque(units))

    def _in_children(self, steps: Sequence[Step], waiting: deque[Unit]) -> Iterator[Outcome]:
        deaths = broken = 0
        while waiting:
            try:
                for outcome in self._in_one_pool(steps, waiting):
                    broken = 0
                    deaths = deaths + 1 if outcome.status == "crashed" else 0
                    yield outcome
                    if deaths == DEATHS_IN_A_ROW:
                        raise StageError(
                            f"{deaths} child processes died one after the other",
                            hint="Something is wrong with the machine or the installation; "
                            "`--workers 0` runs without children and shows more.",
                        )
            except BrokenProcessPool:
                broken += 1
                if broken == _POOLS_IN_A_ROW:
                    raise StageError(
                        "child processes die while they start",
                        hint="`--workers 0` runs without children and shows why.",
                    ) from None

    def _in_one_pool(self, steps: Sequence[Step], waiting: deque[Unit]) -> Iterator[Outcome]:
        """Do what waits; when the pool breaks, what it had in hand waits again."""
        running: dict[Future[Outcome], Unit] = {}
        n_workers = min(self._workers, len(waiting))
        with self._pool(steps, n_workers) as pool:
            while waiting or running:
                while waiting and len(running) < 2 * n_workers:
                    unit = waiting.popleft()
                    running[pool.schedule(perform, (unit,), timeout=self._limit_s)] = unit
                finished, _ = wait(running, timeout=1.0, return_when=FIRST_COMPLETED)
                self._tick()
                try:
                    for future in finished:
                        outcome = self._outcome(future, running[future])
                        del running[future]
                        yield outcome
                except BrokenProcessPool:
                    waiting.extendleft(reversed(running.values()))
                    raise

    @contextmanager
    def _pool(self, steps: Sequence[Step], n_workers: int) -> Iterator[ProcessPool]:
        pool = ProcessPool(
            max_workers=n_workers,
            context=get_context("spawn"),
            initializer=start,
            initargs=(tuple(steps), self._context, self._memory_mb, LOAD_LIMIT_S, os.getpid()),
        )
        with _environment(self._context.threads):
            try:
                with _interrupts_held():
                    _ = pool.active  # starts threads and children, which inherit the held signal
                yield pool
            finally:
                pool.stop()  # type: ignore[no-untyped-call]
                pool.join()

    def _outcome(self, future: Future[Outcome], unit: Unit) -> Outcome:
        try:
            return future.result()
        except LimitReached:
            return _lost(
                unit,
                "time",
                f"it took longer than the limit of {self._limit_s:g} s",
                "Raise the limit with --time-limit.",
            )
        except ProcessExpired as death:
            return _death(unit, death.exitcode, self._memory_mb)


def _death(unit: Unit, exitcode: int | None, memory_mb: float) -> Outcome:
    if exitcode == EXIT_OUT_OF_MEMORY:
        return _lost(
            unit,
            "memory",
            f"it needed more than the {memory_mb / 1e3:.1f} GB a child may use",
            "Use fewer --workers, so that each may use more.",
        )
    if exitcode == EXIT_LOADING_TOO_LONG:
        return _lost(unit, "start", "a child process could not load the model in time", "")
    code = exitcode or 0
    how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    return _lost(
        unit,
        "crashed",
        f"its child process {how}",
        "If it was killed, the machine may have run out of memory: use fewer --workers.",
    )


def _lost(unit: Unit, status: Status, what: str, hint: str) -> Outcome:
    return failed(unit, status, Failure("child", "StageError", what, hint=hint))


@contextmanager
def _environment(threads: int) -> Iterator[None]:
    """Give children their share of the cores: read when they import numpy, torch and OpenCV."""
    wanted = dict.fromkeys(_THREAD_VARIABLES, str(threads)) | _PASSIVE
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Start threads and children deaf to Ctrl-C: the driver alone hears it and ends them."""
    resource_tracker.ensure_running()  # it lets the signal through again when it starts
    held = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)


def n_cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_mb() -> float:
    """Memory of this machine, or of the container it runs in, in MB."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e6
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii")
        return min(physical, int(limit) / 1e6)
    except (OSError, ValueError):
        return physical
