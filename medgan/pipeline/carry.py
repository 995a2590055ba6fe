"""What a run carries from group to group: records, notes, facts and keys so far."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence

from medgan.pipeline.hide import hide_settings
from medgan.pipeline.outcome import Outcome
from medgan.pipeline.plan import Plan
from medgan.pipeline.settings import Pipeline
from medgan.pipeline.stage import Context, Done


def nothing_yet(pipeline: Pipeline, context: Context, overrides: Sequence[str]) -> Done:
    """Say what no stage has come to yet: the settings, and how to run them again."""
    words = ["medgan", "run", pipeline.name]
    if context.input:
        words.append("INPUT" if context.salt else context.input.name)
    words += ["-o", "OUT" if context.salt else context.out.name]
    for assignment in overrides:
        is_mask = context.salt and assignment.startswith("index.mask=")
        words += ["--set", "index.mask=MASK" if is_mask else assignment]
    settings = pipeline.as_json()
    if context.salt:
        settings = hide_settings(settings)
    return Done(pipeline=settings, command=shlex.join(words))


def add_outcomes(before: Done, planned: Plan, outcomes: Sequence[Outcome]) -> Done:
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
