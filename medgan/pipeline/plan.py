"""What there is to do: units of one group, each with a key that says all its result depends on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import medgan
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.hide import hide_listed
from medgan.pipeline.pseudonym import pseudonym
from medgan.pipeline.settings import Step
from medgan.pipeline.shards import Shard
from medgan.pipeline.stage import ALL, Context, Done, Item, Listed, PerRun, Source
from medgan.pipeline.unit import Unit
from medgan.settings import digest


@dataclass(frozen=True)
class Plan:
    """The units of one group, and what its source listed beside them.

    Parameters
    ----------
    elsewhere
        Ids of units that belong to other shards.
    """

    steps: tuple[Step, ...]
    units: tuple[Unit, ...]
    listed: Listed
    elsewhere: tuple[str, ...] = ()


def plan(
    pipeline: str,
    steps: tuple[Step, ...],
    context: Context,
    before: Done,
    digests: FileDigests,
    shard: Shard | None = None,
) -> Plan:
    """Plan one group: list its items, and hash what each depends on.

    Parameters
    ----------
    pipeline
        Name of the pipeline; part of unit ids, so that two of them may share an output folder.
    before
        What earlier groups came to.
    shard
        Plan its items alone: only their content is hashed.

    Raises
    ------
    MedganError
        If there is nothing to work on, or an input or model cannot be read.
    """
    common = _common(steps, context, digests)
    first = steps[0]
    if isinstance(first.stage, Source):
        listed = first.stage.list_items(first.settings, context, before)
        if context.salt:
            listed = hide_listed(listed, context, digests)
        # A source without stages after it only lists: for those that train on the folder.
        named = {
            f"{pipeline}/{first.name}/{item.id}": item for item in listed.items if len(steps) > 1
        }
        own = [name for name in named if shard is None or shard.holds(name)]
        units = tuple(
            Unit(_item_key(common, named[name], context, digests), name, named[name])
            for name in own
        )
        return Plan(steps, units, listed, tuple(named.keys() - set(own)))
    assert isinstance(first.stage, PerRun)  # grouped so in settings.py
    seen = _seen(first.stage, before)
    key = digest({**common, "before": dataclasses.asdict(seen)})
    return Plan(steps, (Unit(key, f"{pipeline}/{first.name}", before=seen),), Listed(()))


def _seen(stage: PerRun, before: Done) -> Done:
    """Give a per-run stage the settings that it reads, and no others."""
    if stage.reads == ALL:
        return before
    settings = {name: before.pipeline[name] for name in stage.reads if name in before.pipeline}
    return dataclasses.replace(before, pipeline=settings, command="")


def _common(steps: Sequence[Step], context: Context, digests: FileDigests) -> dict[str, Any]:
    """Gather what every unit of a group depends on: program, stages, settings, weights."""
    files = [path for step in steps for path in step.stage.files(step.settings, context)]
    return {
        "program": medgan.__version__,
        "stages": [[step.name, step.stage.version, _settings(step)] for step in steps],
        "files": [[path.name, digests.digest(path)] for path in files],
        **({"salt": pseudonym("salt", "", context.salt)} if context.salt else {}),
    }


def _settings(step: Step) -> dict[str, Any]:
    """Return the settings a result depends on; for a source, the facts of its items say it."""
    return {} if isinstance(step.stage, Source) else step.settings.model_dump(mode="json")


def _item_key(common: dict[str, Any], item: Item, context: Context, digests: FileDigests) -> str:
    inputs = [[_name(path, context), digests.digest(path)] for path in item.files]
    return digest({**common, "item": item.id, "facts": item.facts, "inputs": inputs})


def _name(path: Path, context: Context) -> str:
    """Name an input so that a folder that was moved as a whole is not done again."""
    root = context.input
    if root is not None and root.is_dir() and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    return path.name
