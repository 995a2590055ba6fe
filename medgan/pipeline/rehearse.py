"""A dry run: what would be done, and why."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from medgan.pipeline.carry import add_outcomes, nothing_yet
from medgan.pipeline.choose import choose
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.hide import told_without_names
from medgan.pipeline.ledger import Ledger
from medgan.pipeline.options import DEFAULTS, RunOptions
from medgan.pipeline.plan import plan
from medgan.pipeline.plan_file import Planned, read_plans
from medgan.pipeline.salt import placed
from medgan.pipeline.settings import Pipeline, read_pipeline
from medgan.pipeline.stage import Context, PerRun


def rehearse(
    name: str,
    input: Path | None,
    out: Path,
    overrides: Sequence[str] = (),
    options: RunOptions = DEFAULTS,
) -> list[tuple[str, str]]:
    """Say what a run would do, and why; writes nothing.

    Returns
    -------
    list of (unit, reason)
        In order. Groups after one that has work to do are named whole; a shard leaves those that
        are done once for all to the merge.
    """
    pipeline = read_pipeline(name, overrides)
    context = placed(pipeline, input, out, options)
    with told_without_names(context):
        return _rehearsed(pipeline, context, overrides, options)


def _rehearsed(
    pipeline: Pipeline, context: Context, overrides: Sequence[str], options: RunOptions
) -> list[tuple[str, str]]:
    digests = FileDigests(context.state, read_only=True, salt=context.salt)
    ledger = Ledger(context.out, context.state, digests)
    known = read_plans(context.state).get(pipeline.name, Planned())
    before, said = nothing_yet(pipeline, context, overrides), []
    groups = [
        group
        for group in pipeline.groups
        if options.shard is None or not isinstance(group[0].stage, PerRun)
    ]
    for number, group in enumerate(groups):
        planned = plan(pipeline.name, group, context, before, digests, options.shard)
        choice = choose(planned, ledger, options.only, known.were_refused)
        said += [(unit.id, ledger.why(unit.key, unit.id)) for unit in choice.todo]
        if choice.todo:
            later = groups[number + 1 :]
            said += [(f"{pipeline.name}/{g[0].name}", "comes after these") for g in later]
            break
        before = add_outcomes(before, planned, [choice.known[unit.key] for unit in planned.units])
    return said
