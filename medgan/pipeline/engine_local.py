"""The embedded engine: units in child processes of this machine, no service and no port.

With no workers the units run in this process, where nothing holds them to a limit of time or
memory, and a crash of one is a crash of all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool

from medgan.errors import StageError
from medgan.pipeline.children import POOLS_IN_A_ROW, Children
from medgan.pipeline.deaths import CANNOT_START, LOOK_WITHOUT_CHILDREN
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.suspects import with_second_tries
from medgan.pipeline.unit import Chain, Unit


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
        together = self._in_children(steps, deque(units))
        alone = LocalEngine(self._context, 1, self._limit_s, self._alone_mb, self._tick)
        yield from with_second_tries(
            together, units, lambda suspects: alone._in_children(steps, deque(suspects))
        )

    def _in_children(self, steps: Sequence[Step], waiting: deque[Unit]) -> Iterator[Outcome]:
        broken = 0
        while waiting:
            try:
                for outcome in self._in_one_pool(steps, waiting):
                    broken = 0
                    yield outcome
            except BrokenProcessPool:
                broken += 1
                if broken == POOLS_IN_A_ROW:
                    raise StageError(CANNOT_START, hint=LOOK_WITHOUT_CHILDREN) from None

    def _in_one_pool(self, steps: Sequence[Step], waiting: deque[Unit]) -> Iterator[Outcome]:
        """Do what waits; when the pool breaks, what it had in hand waits again."""
        n = min(self._workers, len(waiting))
        with Children(
            steps, self._context, n, self._limit_s, self._memory_mb, self._tick
        ) as children:
            while waiting or children.in_hand:
                while waiting and len(children.in_hand) < 2 * n:
                    children.give(waiting.popleft())
                try:
                    yield from children.take()
                except BrokenProcessPool:
                    waiting.extendleft(reversed(children.in_hand))
                    raise
