"""The driver: one pipeline, start to end, in one place.

It plans a group, sets aside what is up to date, gives the rest to the engine, writes each outcome
to the ledger as it comes, and goes on to the next group. It alone writes the ledger. Whatever
ends it, the same command goes on from there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence, Set
from pathlib import Path

from medgan.errors import UsageError, WriteError
from medgan.pipeline.carry import add_outcomes, nothing_yet
from medgan.pipeline.choose import choose, left
from medgan.pipeline.digests import FILES, FileDigests
from medgan.pipeline.engines import Engines
from medgan.pipeline.folders import no_trace_of_nothing
from medgan.pipeline.hide import told_without_names
from medgan.pipeline.ledger import LEDGER, Ledger, fold
from medgan.pipeline.lock import locked
from medgan.pipeline.options import DEFAULTS, RunOptions
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.owner import claim
from medgan.pipeline.plan import Plan, plan
from medgan.pipeline.plan_file import PlanFile, Planned, forget_shards, read_plans
from medgan.pipeline.progress import Progress
from medgan.pipeline.salt import placed, said_of_salt, settled
from medgan.pipeline.settings import Pipeline, Step, read_pipeline
from medgan.pipeline.stage import SAID, Context, PerRun
from medgan.pipeline.staging import sweep
from medgan.pipeline.state_files import part_file
from medgan.pipeline.summary import RunSummary
from medgan.pipeline.tally import Tally
from medgan.pipeline.unit import Unit, failure_of
from medgan.pipeline.watch import Watcher
from medgan.record import Failure, ScanRecord


def run_pipeline(
    name: str,
    input: Path | None,
    out: Path,
    overrides: Sequence[str] = (),
    options: RunOptions = DEFAULTS,
    progress: Watcher | None = None,
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
    progress
        Whoever watches; None: nobody.

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
    watcher = progress or Progress.silent()
    try:
        pipeline = read_pipeline(name, overrides)
        context = placed(pipeline, input, out, options)
        with (
            told_without_names(context),
            no_trace_of_nothing(context),
            locked(context.state, context.part),
        ):
            try:
                context = settled(context, options)
                if said := said_of_salt(context, options):
                    watcher.note(said)
                sweep(context)
                _gather_shards(context)
                return _Run(pipeline, context, overrides, options, watcher).all()
            finally:
                watcher.close()
                sweep(context)
    except BaseException as error:
        watcher.broken(error)
        raise


def _gather_shards(context: Context) -> None:
    if not context.part:
        fold(context.state, LEDGER)
        fold(context.state, FILES)


class _Run:
    """One run: what is carried from group to group."""

    def __init__(
        self,
        pipeline: Pipeline,
        context: Context,
        overrides: Sequence[str],
        options: RunOptions,
        watcher: Watcher,
    ) -> None:
        self._pipeline = pipeline
        self._context = context
        self._options = options
        self._watcher = watcher
        self._digests = FileDigests(context.state, context.part, salt=context.salt)
        self._ledger = Ledger(context.out, context.state, self._digests, context.part)
        known = read_plans(context.state).get(pipeline.name, Planned())
        self._were_refused = frozenset(known.were_refused)
        self._plan_file = PlanFile(context.state, pipeline, context.part, known.were_refused)
        self._done = nothing_yet(pipeline, context, overrides)
        self._stopped: Failure | None = None
        self._cut_short = ""
        self._unreported: Failure | None = None
        self._left_to_merge: list[str] = []
        self._n_up_to_date = 0
        self._tally = Tally(context, self._ledger, watcher, options.max_failures)
        self._engines = Engines(context, options, watcher, self._pass_on)
        self._said = part_file(context.state, SAID, context.part)
        self._heard = self._said.stat().st_size if self._said.is_file() else 0
        self._outputs: list[str] = []
        self._own: list[ScanRecord] = []

    def all(self) -> RunSummary:
        """Do every group in turn; after a per-run stage that failed, only the report."""
        for step in self._pipeline.steps:
            step.stage.files(step.settings, self._context)  # a missing model is told at once
        with self._engines:
            for group in self._pipeline.groups:
                if _is_report(group[0]):
                    self._report(group)
                elif not (self._stopped or self._cut_short):
                    self._do(group)
        summary = self._summary()
        self._watcher.end(summary)
        return summary

    def _report(self, group: tuple[Step, ...]) -> None:
        """Do the report: a disk that is full by then costs it alone, not what was done before."""
        try:
            self._do(group)
        except WriteError as error:
            self._unreported = failure_of(error, group[0].name)

    def _do(self, group: tuple[Step, ...]) -> None:
        is_per_run = isinstance(group[0].stage, PerRun)
        self._check_shard(group[0], is_per_run=is_per_run)
        planned = plan(
            self._pipeline.name,
            group,
            self._context,
            self._done,
            self._digests,
            self._options.shard,
        )
        choice = choose(planned, self._ledger, self._options.only, self._were_refused)
        if not is_per_run:
            claim(self._context, self._ledger.with_results(unit.id for unit in choice.todo))
        if is_per_run and choice.todo and self._options.shard:
            self._left_to_merge.append(group[0].name)
            return
        elsewhere: dict[str, str | None] = dict.fromkeys(planned.elsewhere)
        own = {unit.id: unit.key for unit in planned.units}
        self._plan_file.add(
            group[0].name, elsewhere | own, planned.listed.records, choice.made_from
        )
        if not self._context.part:
            forget_shards(self._context.state)
        self._tally.refuse(self._own_part(group[0], planned.listed.records))
        self._n_up_to_date += choice.n_up_to_date
        self._watcher.begin(group, len(choice.todo), choice.n_up_to_date, planned.listed)
        self._pass_on()
        if not is_per_run:
            self._tell_left_over(group[0], elsewhere.keys() | own.keys())
        outcomes = choice.known | self._work(group, choice.todo)
        self._keep(planned, [outcomes[unit.key] for unit in planned.units])

    def _tell_left_over(self, first: Step, units: Set[str]) -> None:
        """Name what an earlier run wrote of scans or cases that are none of this one."""
        group = f"{self._pipeline.name}/{first.name}/"
        gone = sorted(unit.removeprefix(group) for unit in self._ledger.left_over(group, units))
        if gone:
            few = ", ".join(gone[:3]) + (", ..." if len(gone) > 3 else "")
            names = "" if self._context.salt else f" ({few})"  # that run may have hidden none
            self._watcher.note(
                f"what an earlier run wrote of {len(gone)} other{'s' * (len(gone) > 1)} is still "
                f"there{names}: it is no result of this run; delete what you do not want, or "
                "start in a new folder"
            )

    def _own_part(self, first: Step, records: Sequence[ScanRecord]) -> list[ScanRecord]:
        """Return what of the records belongs to this shard: all list the whole input."""
        shard, name = self._options.shard, f"{self._pipeline.name}/{first.name}"
        return [r for r in records if shard is None or shard.holds(f"{name}/{r.id}")]

    def _check_shard(self, first: Step, *, is_per_run: bool) -> None:
        if self._left_to_merge and not is_per_run:
            before = ", ".join(self._left_to_merge)
            raise UsageError(
                f"shards cannot share {first.name} before {before} is done once for all of them",
                where="--shard",
                hint="Do that first, e.g. with `medgan train`, and name what it made with --set; "
                "or run it without --shard.",
            )

    def _work(self, group: tuple[Step, ...], todo: tuple[Unit, ...]) -> dict[str, Outcome]:
        """Do units until all are done or too many have failed; returns outcomes by key."""
        outcomes: dict[str, Outcome] = {}
        is_over = self._tally.has_enough_failures and not isinstance(group[0].stage, PerRun)
        with contextlib.closing(self._engines.run(group, todo)) as stream:
            for outcome in () if is_over else stream:
                outcomes |= self._tally.take(outcome)
                self._pass_on()
                if self._tally.has_enough_failures:
                    break
        outcomes |= self._tally.give_up_suspects()
        untried = [unit for unit in todo if unit.key not in outcomes]
        if untried:
            self._cut_short = (
                f"{self._tally.n_failed} scans failed, which is the limit of --max-failures; "
                f"{len(untried)} were not tried"
            )
        return outcomes | {
            unit.key: left(unit, "the run was stopped before it") for unit in untried
        }

    def _keep(self, planned: Plan, ordered: list[Outcome]) -> None:
        self._outputs += [output.path for outcome in ordered for output in outcome.outputs]
        self._own += [record for outcome in ordered for record in outcome.records]
        self._done = add_outcomes(self._done, planned, ordered)
        first = planned.steps[0]
        if not isinstance(first.stage, PerRun) or ordered[0].is_done:
            return
        if _is_report(first):
            self._unreported = ordered[0].failure
        else:
            self._stopped = self._stopped or ordered[0].failure

    def _pass_on(self) -> None:
        """Show what stages have said since the last time."""
        if self._said.is_file() and self._said.stat().st_size > self._heard:
            with self._said.open(encoding="utf-8") as stream:
                stream.seek(self._heard)
                for text in stream.read().splitlines():
                    self._watcher.note(text)
                self._heard = stream.tell()

    def _summary(self) -> RunSummary:
        is_shard = self._options.shard is not None
        return RunSummary(
            pipeline=self._pipeline.name,
            out=self._context.out,
            records=tuple(self._own) if is_shard else self._done.records,
            notes=() if is_shard else self._done.notes,
            facts=self._done.facts,
            outputs=tuple(self._outputs),
            n_done=self._tally.n_done,
            n_up_to_date=self._n_up_to_date,
            stopped=self._stopped,
            cut_short=self._cut_short,
            unreported=self._unreported,
        )


def _is_report(step: Step) -> bool:
    return isinstance(step.stage, PerRun) and step.stage.is_always_run
