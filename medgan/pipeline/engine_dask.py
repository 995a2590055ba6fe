"""The distributed engine: Dask moves units between machines, each of whose workers has one child.

Same promises as the embedded engine. A unit that crashes, hangs or eats costs a child, so the
death of a Dask worker only says that a machine went away: what it had in hand, or had done and not
yet handed over, is given to another. Doing a unit again is harmless (see `staging.py`).
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from queue import Empty, SimpleQueue
from secrets import token_hex
from typing import Any

from medgan.errors import StageError
from medgan.pipeline.dask_worker import Job, do, let_go
from medgan.pipeline.deaths import machines_lost, not_started
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context
from medgan.pipeline.suspects import with_second_tries
from medgan.pipeline.unit import Unit
from medgan.pipeline.workplace import Workplace, library

_WATCH_S = 0.5
_GATHER_S = 10.0
"""An outcome is small: one that takes longer went away with its worker, and is made again."""


class DaskEngine:
    """Runs units on Dask workers.

    Parameters
    ----------
    context
        Where the run works; the folders are seen by all machines under these names.
    place
        The workers.
    limit_s
        Time limit of one unit in seconds, counted after loading; None: no limit.
    tick
        Called about twice a second.
    """

    def __init__(
        self,
        context: Context,
        place: Workplace,
        limit_s: float | None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._place = place
        self._limit_s = limit_s
        self._tick = tick
        self._ticked = time.monotonic()

    def run(self, steps: Sequence[Step], units: Sequence[Unit]) -> Generator[Outcome, None, None]:
        """Do the units of one group; see `LocalEngine.run`.

        Raises
        ------
        StageError
            If children die one after the other, or the scheduler goes away.
        """
        together = self._done(steps, units, self._place.memory_mb)
        yield from with_second_tries(together, units, lambda units: self._alone(steps, units))

    def _alone(self, steps: Sequence[Step], units: Sequence[Unit]) -> Iterator[Outcome]:
        for unit in units:
            yield from self._done(steps, [unit], self._place.alone_mb)

    def _done(
        self, steps: Sequence[Step], units: Sequence[Unit], memory_mb: float
    ) -> Iterator[Outcome]:
        """Do units side by side; no child is left when all are done, or no more are wanted."""
        job = Job(token_hex(8), tuple(steps), self._context, self._limit_s, memory_mb)
        # Dask keeps them at the scheduler until a worker is free if their keys are one group, which
        # is all before the last hyphen.
        keys = [f"unit_{job.token}-{n}" for n in range(len(units))]
        client = self._place.client
        futures = client.map(do, units, job=job, key=keys, pure=False)
        waiting = dict(zip(futures, units, strict=True))
        del futures
        try:
            yield from self._gathered(waiting)
        finally:
            with contextlib.suppress(Exception):  # the scheduler may have gone
                client.cancel(list(waiting))
                client.run(let_go, job.token, on_error="ignore")

    def _gathered(self, waiting: dict[Any, Unit]) -> Iterator[Outcome]:
        """Take outcomes as they come, and futures out of `waiting`.

        What a future stands for is done again as long as anybody holds the future and the worker
        that has it goes away. So none is kept once its outcome has been taken.
        """
        ended: SimpleQueue[Any] = SimpleQueue()
        for future in waiting:
            future.add_done_callback(ended.put)
        while waiting:
            with contextlib.suppress(Empty):
                future = ended.get(timeout=_WATCH_S)
                outcome = _outcome(future, waiting[future])
                if outcome is None:
                    future.add_done_callback(ended.put)
                else:
                    del waiting[future], future
                    yield outcome
            if time.monotonic() - self._ticked > _WATCH_S:
                self._ticked = time.monotonic()
                self._place.refill()
                self._tick()


def _outcome(future: Any, unit: Unit) -> Outcome | None:
    """Take what a unit came to; None if it went away with the worker that had done it."""
    killed = library("distributed.scheduler").KilledWorker
    try:
        found: Outcome = future.result(timeout=_GATHER_S)
    except TimeoutError:
        return None
    except killed as lost:
        return machines_lost(unit, lost.allowed_failures + 1)
    except CancelledError:
        raise StageError(
            "the Dask scheduler went away", hint="The same command goes on from here."
        ) from None
    except Exception as error:  # `do` raises nothing: the worker could not read what it was sent
        return not_started(
            unit,
            f"a Dask worker cannot take the work ({type(error).__name__})",
            "Install the same Python, Dask and medgan on all machines.",
        )
    return found
