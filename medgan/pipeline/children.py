"""Children of this process at work: units are given to them, outcomes are taken back.

Every unit runs in a spawned child that can crash, hang or eat memory without harm to others; such
a child is ended, named and replaced (pebble).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures import TimeoutError as LimitReached
from contextlib import ExitStack
from multiprocessing import get_context

from pebble import ProcessExpired, ProcessPool

from medgan.pipeline.child import perform, start
from medgan.pipeline.deaths import died, too_hungry, too_slow
from medgan.pipeline.machine import end_the_greedy, environment, interrupts_held
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.staging import clear
from medgan.pipeline.unit import Unit

LOAD_LIMIT_S = 300.0
"""A cold import of torch and MONAI on a slow network disk takes a minute; this is five."""

POOLS_IN_A_ROW = 3
"""So many pools whose children die while they start: it is no accident."""

_WATCH_S = 0.5


class Children:
    """A pool of children that have loaded what the steps need; a context manager.

    Parameters
    ----------
    context
        Where they work, and how many threads each may use.
    n
        How many there are.
    limit_s
        Time limit of one unit in seconds, counted after loading; None: no limit.
    memory_mb
        Largest resident memory of one child.
    tick
        Called about twice a second while children work.
    """

    def __init__(
        self,
        steps: Sequence[Step],
        context: Context,
        n: int,
        limit_s: float | None,
        memory_mb: float,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._limit_s = limit_s
        self._memory_mb = memory_mb
        self._tick = tick
        self._running: dict[Future[Outcome], Unit] = {}
        self._greedy: set[int] = set()
        self._watched = time.monotonic()
        self._held = ExitStack()
        self._pool = ProcessPool(
            max_workers=n,
            context=get_context("spawn"),
            initializer=start,
            initargs=(tuple(steps), context, memory_mb, LOAD_LIMIT_S, os.getpid()),
        )

    def __enter__(self) -> Children:
        self._held.enter_context(environment(self._context.threads))
        self._held.callback(self.end)
        with interrupts_held():
            _ = self._pool.active  # starts threads and children, which inherit the held signal
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    @property
    def in_hand(self) -> tuple[Unit, ...]:
        """Units that were given and not taken back, in the order given."""
        return tuple(self._running.values())

    def give(self, unit: Unit) -> None:
        """Have a unit done by the next child that is free."""
        self._running[self._pool.schedule(perform, (unit,), timeout=self._limit_s)] = unit

    def take(self) -> Iterator[Outcome]:
        """Wait for a moment, and yield what has ended by then.

        Raises
        ------
        BrokenProcessPool
            If children die while they start; what was in hand still is, and needs another pool.
        """
        finished, _ = wait(self._running, timeout=_WATCH_S, return_when=FIRST_COMPLETED)
        if time.monotonic() - self._watched > _WATCH_S:
            self._greedy |= end_the_greedy(self._memory_mb)
            self._watched = time.monotonic()
            self._tick()
        for future in finished:
            outcome = self._outcome(future, self._running[future])
            del self._running[future]
            yield outcome

    def end(self) -> None:
        """End all children at once, whatever they do; from any thread, and more than once."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        self._pool.join()

    def _outcome(self, future: Future[Outcome], unit: Unit) -> Outcome:
        try:
            return future.result()
        except LimitReached:
            return too_slow(unit, clear(self._context, unit.key), self._limit_s)
        except ProcessExpired as death:
            stage = clear(self._context, unit.key)
            if death.pid in self._greedy:
                return too_hungry(unit, stage, self._memory_mb)
            return died(unit, stage, death.exitcode, self._memory_mb)
