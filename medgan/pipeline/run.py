"""The driver: one pipeline, start to end, in one place.

It plans a group, sets aside what is up to date, gives the rest to the engine, writes each outcome
to the ledger as it comes, and goes on to the next group. It alone writes the ledger. Whatever
ends it, the same command goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shlex
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from medgan import errors
from medgan.errors import MedganError, StageError, UsageError
from medgan.pipeline.device import check_device, has_gpu
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.engine_local import LocalEngine, memory_mb, n_cores
from medgan.pipeline.folders import check_apart
from medgan.pipeline.ledger import LEDGER, Ledger
from medgan.pipeline.lock import locked
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.plan import Plan, plan
from medgan.pipeline.progress import Progress
from medgan.pipeline.settings import Pipeline, Step, read_pipeline
from medgan.pipeline.stage import SAID, Context, Done, PerRun
from medgan.pipeline.staging import sweep
from medgan.pipeline.summary import RunSummary
from medgan.record import Failure

TRACES = "traces"
CHILD_MEMORY_MB = 2500.0
"""What a child is expected to need: torch, a model, and a 512 x 512 x 300 scan in two copies."""
GPU_WORKERS = 2
"""Children on one GPU: one computes while the other reads and writes."""
_MEMORY_SHARE = 0.85
"""Of the machine's memory, for all children together; the rest is the system's and the driver's."""


@dataclass(frozen=True)
class RunOptions:
    """How to run; none of it changes a result.

    Parameters
    ----------
    workers
        Child processes; 0: in this process; None: as many as cores and memory allow.
    device
        `auto`, `cpu`, `cuda` or `cuda:n`.
    time_limit_s
        Limit of one unit; None: none. Training has none in any case.
    """

    workers: int | None = None
    device: str = "auto"
    time_limit_s: float | None = 3600.0


DEFAULTS = RunOptions()


def run_pipeline(
    name: str,
    input: Path | None,
    out: Path,
    overrides: Sequence[str] = (),
    options: RunOptions = DEFAULTS,
    progress: Progress | None = None,
) -> RunSummary:
    """Run a pipeline; what is up to date is not done again.

    Parameters
    ----------
    name
        A YAML file, or the name of a shipped one.
    input
        The folder or file to work on; None where the pipeline needs none.
    out
        Output folder; must not hold anything that medgan did not make.
    overrides
        Assignments such as `restore.model=slices-natural`.

    Returns
    -------
    RunSummary
        Scans that failed are in it by name; they raise nothing.

    Raises
    ------
    UsageError, ConfigError
        Before any work, if the command cannot mean anything.
    MedganError
        If nothing at all can be done.
    KeyboardInterrupt
        After Ctrl-C, once the children are gone; the same command goes on from there.
    """
    pipeline = read_pipeline(name, overrides)
    context = _context(input, out, options)
    progress = progress or Progress.silent()
    with _no_trace_of_nothing(context), locked(context.state):
        try:
            sweep(context)
            return _Run(pipeline, context, overrides, options, progress).all()
        finally:
            progress.close()
            sweep(context)


def rehearse(
    name: str, input: Path | None, out: Path, overrides: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Say what a run would do, and why; writes nothing.

    Returns
    -------
    list of (unit, reason)
        In order. Groups after one that has work to do are named whole.
    """
    pipeline = read_pipeline(name, overrides)
    context = _context(input, out, RunOptions())
    digests = FileDigests(context.state, read_only=True)
    ledger = Ledger(context.out, context.state, digests)
    before, said = _start(pipeline, context, overrides), []
    for number, group in enumerate(pipeline.groups):
        planned = plan(pipeline.name, group, context, before, digests)
        todo = [unit for unit in planned.units if ledger.up_to_date(unit.key) is None]
        said += [(unit.id, ledger.why(unit.key, unit.id)) for unit in todo]
        if todo:
            later = pipeline.groups[number + 1 :]
            said += [(f"{pipeline.name}/{g[0].name}", "comes after these") for g in later]
            break
        outcomes = [ledger.up_to_date(unit.key) for unit in planned.units]
        before = _after(before, planned, [outcome for outcome in outcomes if outcome])
    return said


class _Run:
    """One run: what is carried from group to group."""

    def __init__(
        self,
        pipeline: Pipeline,
        context: Context,
        overrides: Sequence[str],
        options: RunOptions,
        progress: Progress,
    ) -> None:
        self._pipeline = pipeline
        self._context = context
        self._options = options
        self._progress = progress
        self._digests = FileDigests(context.state)
        self._ledger = Ledger(context.out, context.state, self._digests)
        self._done = _start(pipeline, context, overrides)
        self._stopped: Failure | None = None
        self._n_done = self._n_up_to_date = 0
        said = context.state / SAID
        self._heard = said.stat().st_size if said.is_file() else 0
        self._outputs: list[str] = []

    def all(self) -> RunSummary:
        """Do every group in turn; after a per-run stage that failed, only the report."""
        for step in self._pipeline.steps:
            step.stage.files(step.settings, self._context)  # a missing model is told at once
        for group in self._pipeline.groups:
            stage = group[0].stage
            if self._stopped is None or (isinstance(stage, PerRun) and stage.is_always_run):
                self._do(group)
        summary = self._summary()
        self._progress.end(summary)
        return summary

    def _do(self, group: tuple[Step, ...]) -> None:
        planned = plan(self._pipeline.name, group, self._context, self._done, self._digests)
        outcomes: dict[str, Outcome] = {}
        todo = []
        for unit in planned.units:
            known = self._ledger.up_to_date(unit.key)
            if known is None:
                todo.append(unit)
            else:
                outcomes[unit.key] = known
        self._n_up_to_date += len(outcomes)
        self._progress.begin(group, len(todo), len(outcomes), planned.listed)
        with contextlib.closing(self._engine(group, len(todo)).run(group, todo)) as stream:
            for outcome in stream:
                self._take(outcome)
                outcomes[outcome.key] = outcome
        ordered = [outcomes[unit.key] for unit in planned.units]
        self._outputs += [output.path for outcome in ordered for output in outcome.outputs]
        self._done = _after(self._done, planned, ordered)
        if isinstance(group[0].stage, PerRun) and not ordered[0].is_done:
            self._stopped = self._stopped or ordered[0].failure

    def _take(self, outcome: Outcome) -> None:
        """Make one outcome last, then show it."""
        if outcome.status == "start" and outcome.failure:
            failure = outcome.failure
            family = getattr(errors, failure.kind, StageError)
            raise family(failure.what, where=failure.where, hint=failure.hint)
        if outcome.trace:
            self._keep_trace(outcome)
        self._ledger.write(outcome)
        self._n_done += outcome.is_done
        self._progress.unit(outcome)

    def _keep_trace(self, outcome: Outcome) -> None:
        file = self._context.state / TRACES / f"{outcome.key[:16]}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{outcome.unit}\n\n{outcome.trace}", encoding="utf-8")

    def _engine(self, group: tuple[Step, ...], n_units: int) -> LocalEngine:
        stage = group[0].stage
        is_light = isinstance(stage, PerRun) and stage.is_light
        workers = 0 if is_light else _n_workers(self._options, n_units)
        share = max(workers, 1)
        context = dataclasses.replace(self._context, threads=max(1, n_cores() // share))
        limit_s = None if isinstance(stage, PerRun) else self._options.time_limit_s
        memory = _MEMORY_SHARE * memory_mb() / share
        return LocalEngine(context, workers, limit_s, memory, self._pass_on)

    def _pass_on(self) -> None:
        """Show what stages have said since the last time."""
        said = self._context.state / SAID
        if said.is_file() and said.stat().st_size > self._heard:
            with said.open(encoding="utf-8") as stream:
                stream.seek(self._heard)
                for text in stream.read().splitlines():
                    self._progress.note(text)
                self._heard = stream.tell()

    def _summary(self) -> RunSummary:
        return RunSummary(
            pipeline=self._pipeline.name,
            out=self._context.out,
            records=self._done.records,
            notes=self._done.notes,
            facts=self._done.facts,
            outputs=tuple(self._outputs),
            n_done=self._n_done,
            n_up_to_date=self._n_up_to_date,
            stopped=self._stopped,
        )


def _start(pipeline: Pipeline, context: Context, overrides: Sequence[str]) -> Done:
    """Say what no stage has come to yet: the settings, and how to run them again."""
    words = ["medgan", "run", pipeline.name]
    if context.input:
        words.append(context.input.name)
    words += ["-o", context.out.name]
    for assignment in overrides:
        words += ["--set", assignment]
    return Done(pipeline=pipeline.as_json(), command=shlex.join(words))


def _after(before: Done, planned: Plan, outcomes: Sequence[Outcome]) -> Done:
    """Add what a group came to."""
    records = [record for outcome in outcomes for record in outcome.records]
    facts = dict(planned.listed.facts)
    for outcome in outcomes:
        facts |= outcome.facts
    together = (*planned.listed.records, *records)
    return dataclasses.replace(
        before,
        records=(*before.records, *sorted(together, key=lambda record: record.id)),
        notes=(*before.notes, *planned.listed.notes),
        facts={**before.facts, planned.steps[0].name: facts} if facts else before.facts,
        keys=(*before.keys, *(outcome.key for outcome in outcomes if outcome.is_done)),
    )


@contextlib.contextmanager
def _no_trace_of_nothing(context: Context) -> Iterator[None]:
    """Leave no folder behind when a run ends before there was anything to write down."""
    had_out, had_state = context.out.exists(), context.state.exists()
    try:
        yield
    except MedganError:
        if not had_state and not (context.state / LEDGER).exists():
            shutil.rmtree(context.state, ignore_errors=True)
            if not had_out:
                with contextlib.suppress(OSError):
                    context.out.rmdir()
        raise


def _context(input: Path | None, out: Path, options: RunOptions) -> Context:
    """Check the two paths a person named."""
    out = out.absolute()
    device = check_device(options.device)
    context = Context(input.absolute() if input else None, out, device)
    check_apart(input, out)
    strangers = [p for p in out.iterdir() if not p.name.startswith(".")] if out.is_dir() else []
    if strangers and not context.state.is_dir():
        raise UsageError(
            f"the output folder holds files that medgan did not make, e.g. {strangers[0].name}",
            where=str(out),
            hint="Name a new or empty folder with -o.",
        )
    return context


def _n_workers(options: RunOptions, n_units: int) -> int:
    if options.workers is not None:
        return options.workers
    by_memory = int(_MEMORY_SHARE * memory_mb() / CHILD_MEMORY_MB)
    by_gpu = GPU_WORKERS if options.device != "cpu" and has_gpu() else n_units
    return max(1, min(n_cores(), by_memory, by_gpu, n_units))
