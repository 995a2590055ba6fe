"""A pipeline file: which stages, in what order, with which settings.

    name: restore_folder
    description: what it is for
    stages: [index, restore, export, validate, report]
    restore:
      model: slices-faithful

Below `stages`, one group of settings for each stage that needs any. So `--set restore.model=x`
is all that it takes to change one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from medgan.errors import ConfigError
from medgan.pipeline.stage import PerScan, Source, Stage
from medgan.pipeline.stages.index import IndexSettings
from medgan.pipeline.stages.restore import RestoreStageSettings
from medgan.pipeline.table import STAGES
from medgan.settings import Settings, find, override, parse, read_yaml


class PipelineSettings(Settings):
    """The head of a pipeline file."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name, used in records and reports."""
    description: str = ""
    """One sentence for people."""
    stages: tuple[str, ...] = Field(min_length=1)
    """Names of stages in the order of work."""


@dataclass(frozen=True)
class Step:
    """One stage with its settings; crosses process borders by name."""

    name: str
    settings: Settings

    @property
    def stage(self) -> Stage:
        """The stage of that name."""
        return STAGES[self.name]


@dataclass(frozen=True)
class Pipeline:
    """A checked pipeline.

    Parameters
    ----------
    groups
        Steps that work together: a source with the per-scan stages that follow it, or one
        per-run stage.
    """

    name: str
    description: str
    groups: tuple[tuple[Step, ...], ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in order."""
        return tuple(step for group in self.groups for step in group)

    def as_json(self) -> dict[str, Any]:
        """Return the resolved settings, defaults included."""
        return {
            "name": self.name,
            "stages": [step.name for step in self.steps],
            **{step.name: step.settings.model_dump(mode="json") for step in self.steps},
        }


def read_pipeline(name: str, overrides: Sequence[str] = ()) -> Pipeline:
    """Read a pipeline by file or by name, and check all of it before any work.

    Parameters
    ----------
    overrides
        Assignments such as `restore.model=slices-natural`.

    Raises
    ------
    ConfigError
        For an unknown file, stage or key, a wrong value, or an order that cannot work.
    """
    path = find(name, "pipelines")
    return check_pipeline(override(read_yaml(path), overrides), where=str(path))


def check_pipeline(document: dict[str, Any], where: str) -> Pipeline:
    """Turn the mapping of a pipeline file into a pipeline; see `read_pipeline`."""
    names = document.get("stages")
    listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
    head = {key: value for key, value in document.items() if key not in listed}
    strangers = [key for key in head if key in STAGES]
    if strangers:
        raise ConfigError(
            f"settings for {', '.join(strangers)}, which is not among the stages",
            where=where,
            hint=f"The stages are {', '.join(listed)}; correct the key, or add the stage.",
        )
    settings = parse(PipelineSettings, head, where)
    if len(set(settings.stages)) < len(settings.stages):
        raise ConfigError("a stage is named twice", where=where, hint="Name each stage once.")
    steps = [_step(name, document.get(name), where) for name in settings.stages]
    _check_profile(steps, where)
    return Pipeline(settings.name, settings.description, _grouped(steps, where))


def _step(name: str, group: Any, where: str) -> Step:
    if name not in STAGES:
        raise ConfigError(
            f"there is no stage named {name}",
            where=where,
            hint=f"The stages are {', '.join(STAGES)}.",
        )
    if group is not None and not isinstance(group, dict):
        raise ConfigError(
            f"expected a group of settings, found {group!r}",
            where=f"{where}, {name}",
            hint="Write the settings of a stage indented below its name.",
        )
    return Step(name, parse(STAGES[name].settings, group or {}, f"{where}, {name}"))


def _check_profile(steps: Sequence[Step], where: str) -> None:
    """Refuse a profile where no slices are thick, or that does not fit the number of thin ones.

    Where that follows from a spacing, it is another one for every scan, and told scan by scan.
    """
    settings = {step.name: step.settings for step in steps}
    index, restore = settings.get("index"), settings.get("restore")
    if not isinstance(index, IndexSettings) or not isinstance(restore, RestoreStageSettings):
        return
    if not restore.profile:
        return
    if index.slices != "thick":
        raise ConfigError(
            "a profile says how a thick slice averages thin ones, and no slice is taken as thick",
            where=f"{where}, restore.profile",
            hint="Add index.slices: thick with index.upsample or index.spacing_mm, or take the "
            "profile out.",
        )
    if index.upsample is None:
        return
    from medgan.interpolation.slabs import check_profile

    try:
        check_profile(restore.profile, index.upsample)
    except ValueError as error:
        raise ConfigError(
            str(error),
            where=f"{where}, restore.profile",
            hint="Example for index.upsample 2: restore.profile=[1,2,2,1]",
        ) from error


def _grouped(steps: Sequence[Step], where: str) -> tuple[tuple[Step, ...], ...]:
    groups: list[tuple[Step, ...]] = []
    for step in steps:
        if not isinstance(step.stage, PerScan):
            groups.append((step,))
        elif groups and isinstance(groups[-1][0].stage, Source):
            groups[-1] = (*groups[-1], step)
        else:
            before = "nothing" if not groups else groups[-1][-1].name
            raise ConfigError(
                f"{step.name} works on scans, but {before} comes before it",
                where=where,
                hint="Put it after a stage that lists scans: index or synthesize.",
            )
    return tuple(groups)
