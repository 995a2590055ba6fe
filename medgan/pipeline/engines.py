"""Which engine a group of stages gets; workers of a cluster are held from group to group."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator
from contextlib import ExitStack

from medgan.pipeline.engine_dask import DaskEngine
from medgan.pipeline.engine_local import LocalEngine
from medgan.pipeline.machine_choice import note_use
from medgan.pipeline.options import RunOptions
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.settings import Step
from medgan.pipeline.stage import Context, PerRun
from medgan.pipeline.unit import Unit
from medgan.pipeline.watch import Watcher
from medgan.pipeline.workers import memory_needed_mb, share_out
from medgan.pipeline.workplace import Workplace, workplace


class Engines:
    """The engines of one run; a context manager.

    Parameters
    ----------
    tick
        Called about twice a second while children work.
    """

    def __init__(
        self, context: Context, options: RunOptions, watcher: Watcher, tick: Callable[[], None]
    ) -> None:
        self._context = context
        self._options = options
        self._watcher = watcher
        self._tick = tick
        self._held = ExitStack()
        self._place: Workplace | None = None

    def __enter__(self) -> Engines:
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def run(
        self, group: tuple[Step, ...], units: tuple[Unit, ...]
    ) -> Generator[Outcome, None, None]:
        """Do units of one group; see `LocalEngine.run`."""
        stage = group[0].stage
        is_light = isinstance(stage, PerRun) and stage.is_light
        limit_s = None if isinstance(stage, PerRun) else self._options.time_limit_s
        if units and self._options.cluster is not None and not is_light:
            place = self._workers(units)
            context = dataclasses.replace(self._context, threads=place.threads)
            yield from DaskEngine(context, place, limit_s, self._tick).run(group, units)
        else:
            yield from self._local(units, limit_s, is_light=is_light).run(group, units)

    def _local(
        self, units: tuple[Unit, ...], limit_s: float | None, *, is_light: bool
    ) -> LocalEngine:
        options = self._options
        if is_light:
            options = dataclasses.replace(options, workers=0, cluster=None)
        workers = share_out(options, len(units), memory_needed_mb(units))
        if workers.said and units:
            self._watcher.note(workers.said)
        context = dataclasses.replace(self._context, threads=workers.threads)
        if units and not is_light:
            note_use(context.state, context.part, workers=workers.n, threads=workers.threads)
        return LocalEngine(
            context, workers.n, limit_s, workers.memory_mb, self._tick, workers.alone_mb
        )

    def _workers(self, units: tuple[Unit, ...]) -> Workplace:
        if self._place is None:
            needed_mb = memory_needed_mb(units)
            self._place = self._held.enter_context(
                workplace(self._options, self._context, needed_mb)
            )
            if self._place.said:
                self._watcher.note(self._place.said)
        return self._place
