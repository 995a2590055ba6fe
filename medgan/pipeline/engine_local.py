"""The embedded engine: units in child processes of this machine, no service and no port.

Every unit runs in a spawned child that can crash, hang or eat memory without harm to others; such
a child is ended, named and replaced (pebble). A scan whose child ended is a suspect, for it may
have suffered for what ran beside it: it is tried once more, alone, when all others are done. With
no workers the units run in this process, and none of this holds.
"""

from __future__ import annotations

import dataclasses
import os
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as LimitReached
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context

from pebble import ProcessExpired, ProcessPool

from medgan.errors import StageError
from medgan.pipeline.child import perform, start
from medgan.pipeline.deaths import died, is_suspect, too_hungry, too_slow, tried_twice
from medgan.pipeline.machine import end_the_greedy, environment, interrupts_held
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.staging import clear
from medgan.pipeline.unit import Chain, Unit

LOAD_LIMIT_S = 300.0
"""A cold import of torch and MONAI on a slow network disk takes a minute; this is five."""

DEATHS_IN_A_ROW = 5
"""So many children dying one after the other is the machine's fault, not the scans'."""

_POOLS_IN_A_ROW = 3
_WATCH_S = 0.5


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
        Called about twice a second while children work.
    alone_mb
        The same for a suspect that is tried again with nothing beside it; None: as any other.
    """

    def __init__(
        self,
        context: Context,
        workers: int,
        limit_s: float | None,
        memory_mb: float,
        tick: Callable[[], None] = lambda: None,
        alone_mb: float | None = None,
    ) -> None:
        self._context = context
        self._workers = workers
        self._limit_s = limit_s
        self._memory_mb = memory_mb
        self._tick = tick
        self._alone_mb = alone_mb or memory_mb

    def run(self, steps: Sequence[Step], units: Sequence[Unit]) -> Generator[Outcome, None, None]:
        """Do the units of one group; yields outcomes as they come, in any order.

        A suspect comes twice: first with `is_final` false. Closing the iterator, or Ctrl-C, ends
        the children at once; what they had in hand is not done, and no half-written file has a
        final name.

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
        by_key = {unit.key: unit for unit in units}
        suspects: deque[Unit] = deque()
        for outcome in _not_all_dying(self._in_children(steps, deque(units))):
            if is_suspect(outcome, by_key[outcome.key]):
                suspects.append(by_key[outcome.key])
                yield dataclasses.replace(outcome, is_final=False)
            else:
                yield outcome
        alone = LocalEngine(self._context, 1, self._limit_s, self._alone_mb, self._tick)
        yield from map(tried_twice, alone._in_children(steps, suspects))

    def _in_children(self, steps: Sequence[Step], waiting: deque[Unit]) -> Iterator[Outcome]:
        broken = 0
        while waiting:
            try:
                for outcome in self._in_one_pool(steps, waiting):
                    broken = 0
                    yield outcome
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
        greedy: set[int] = set()
        n_workers = min(self._workers, len(waiting))
        watched = time.monotonic()
        with self._pool(steps, n_workers) as pool:
            while waiting or running:
                while waiting and len(running) < 2 * n_workers:
                    unit = waiting.popleft()
                    running[pool.schedule(perform, (unit,), timeout=self._limit_s)] = unit
                finished, _ = wait(running, timeout=_WATCH_S, return_when=FIRST_COMPLETED)
                if time.monotonic() - watched > _WATCH_S:
                    greedy |= end_the_greedy(self._memory_mb)
                    watched = time.monotonic()
                    self._tick()
                try:
                    for future in finished:
                        outcome = self._outcome(future, running[future], greedy)
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
        with environment(self._context.threads):
            try:
                with interrupts_held():
                    _ = pool.active  # starts threads and children, which inherit the held signal
                yield pool
            finally:
                pool.stop()  # type: ignore[no-untyped-call]
                pool.join()

    def _outcome(self, future: Future[Outcome], unit: Unit, greedy: set[int]) -> Outcome:
        try:
            return future.result()
        except LimitReached:
            return too_slow(unit, clear(self._context, unit.key), self._limit_s)
        except ProcessExpired as death:
            stage = clear(self._context, unit.key)
            if death.pid in greedy:
                return too_hungry(unit, stage, self._memory_mb)
            return died(unit, stage, death.exitcode, self._memory_mb)


def _not_all_dying(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Pass outcomes on until so many children die in a row that it is not the scans' doing."""
    deaths = 0
    for outcome in outcomes:
        deaths = deaths + 1 if outcome.status == "crashed" else 0
        yield outcome
        if deaths == DEATHS_IN_A_ROW:
            raise StageError(
                f"{deaths} child processes died one after the other",
                hint="Something is wrong with the machine or the installation; "
                "`--workers 0` runs without children and shows more.",
            )
