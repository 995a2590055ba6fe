"""What a run meant to do, on disk, so that `medgan status` can say what is not done yet."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from medgan.pipeline.settings import Pipeline
from medgan.pipeline.stage import PerRun
from medgan.pipeline.state_files import all_parts, part_file, writing
from medgan.record import Failure, ScanRecord

PLAN = "plan.json"


@dataclass
class Planned:
    """What runs of one pipeline meant to do.

    Parameters
    ----------
    units
        Unit id -> its key. Empty: not known before what comes before it is done. None: that of
        another shard, which alone knows it.
    refused
        Id of an input that cannot be worked on -> why.
    were_refused
        Names of files that were refused in this run or an earlier one, and not done since: what
        lies there now was never tried.
    """

    units: dict[str, str | None] = field(default_factory=dict)
    refused: dict[str, Failure] = field(default_factory=dict)
    were_refused: tuple[str, ...] = ()

    def update(self, later: Planned) -> None:
        """Take over what was planned later; a key that is not known does not hide one that is."""
        known = self.units
        self.units |= {u: k for u, k in later.units.items() if k is not None or u not in known}
        self.refused |= later.refused
        self.were_refused = tuple(sorted({*self.were_refused, *later.were_refused}))


_PLANS = TypeAdapter(dict[str, Planned])


class PlanFile:
    """The plans of an output folder, one for each pipeline that works there.

    Parameters
    ----------
    state
        Folder `.medgan` of the output folder.
    part
        Shard that plans; each has a file of its own.
    were_refused
        As earlier plans have it, those of shards included.
    """

    def __init__(
        self, state: Path, pipeline: Pipeline, part: str = "", were_refused: Iterable[str] = ()
    ) -> None:
        self._file = part_file(state, PLAN, part)
        self._name = pipeline.name
        self._plans = _read(self._file)
        groups = [group[0] for group in pipeline.groups]
        once = [first.name for first in groups if isinstance(first.stage, PerRun)]
        unknown: dict[str, str | None] = {f"{pipeline.name}/{name}": "" for name in once}
        self._plan = Planned(unknown, were_refused=tuple(were_refused))
        self._plans[pipeline.name] = self._plan

    def add(
        self,
        source: str,
        units: Mapping[str, str | None],
        listed: Sequence[ScanRecord],
        done: Iterable[str] = (),
    ) -> None:
        """Add the units of one group, and what its source listed beside them; write it all.

        Parameters
        ----------
        done
            Names of the files that units which are up to date were made from.
        """
        refused = {name for record in listed if record.failure for name in record.sources}
        were = {*self._plan.were_refused, *refused} - set(done)
        self._plan.were_refused = tuple(sorted(were))
        self._plan.units |= units
        self._plan.refused |= {
            f"{self._name}/{source}/{record.id}": record.failure
            for record in listed
            if record.failure is not None
        }
        beside = self._file.with_suffix(".tmp")
        with writing(self._file):
            with beside.open("wb") as stream:
                stream.write(_PLANS.dump_json(self._plans))
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._file)


def read_plans(state: Path) -> dict[str, Planned]:
    """Return what all runs and shards meant to do, by pipeline; the latest word counts."""
    together: dict[str, Planned] = {}
    for file in all_parts(state, PLAN):
        for name, plan in _read(file).items():
            together.setdefault(name, Planned()).update(plan)
    return together


def forget_shards(state: Path) -> None:
    """Delete the plans of shards: the whole run that follows plans all anew."""
    for file in all_parts(state, PLAN):
        if file.name != PLAN:
            file.unlink()


def _read(file: Path) -> dict[str, Planned]:
    try:
        return _PLANS.validate_json(file.read_bytes())
    except (OSError, ValidationError):
        return {}
