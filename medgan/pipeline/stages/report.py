"""report: one page on what came in, what was made, how well, and what failed."""

from __future__ import annotations

import platform
import shlex
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import medgan
from medgan.pipeline.stage import ALL, Context, Done, Left, PerRun
from medgan.record import ScanRecord
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.report import ReportContext, Table

PACKAGES = ("torch", "monai", "numpy")


class ReportStageSettings(Settings):
    """What the page is called."""

    title: str = "medgan report"
    """Heading of the page."""


def run(done: Done, settings: ReportStageSettings, context: Context) -> Left:
    """Write `report.html` and `report.json` into the output folder."""
    from medgan.report import write_report

    records = [record for record in done.records if not _is_refusal(record)]
    page = write_report(records, context.out, _context(done, settings))
    return Left((page, page.with_suffix(".json")))


def _context(done: Done, settings: ReportStageSettings) -> ReportContext:
    from medgan.report import ReportContext, listed
    from medgan.report.context import Listed, ModelUse

    refused = tuple(
        Listed(record.sources, record.failure.what)
        for record in done.records
        if _is_refusal(record) and record.failure is not None
    )
    models = {
        (record.model["name"], record.model["sha256"]): record.model
        for record in done.records
        if record.model
    }
    return ReportContext(
        title=settings.title,
        command=shlex.join(_last_names(word) for word in shlex.split(done.command)),
        settings={key: _last_names(value) for key, value in done.pipeline.items()},
        versions={
            "medgan": medgan.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in PACKAGES},
        },
        models=tuple(
            ModelUse(model["name"], model["sha256"], model.get("licence", ""))
            for _, model in sorted(models.items())
        ),
        refused=refused,
        set_aside=listed(done.notes),
        data_set=_data_set(done.facts.get("manifest", {}).get("data_set")),
        synthesis=_synthesis(done.facts.get("evaluate", {})),
        gallery=tuple(done.facts.get("evaluate", {}).get("gallery", ())),
    )


def _last_names(value: Any) -> Any:
    """Return plain JSON, or an assignment, with full paths by their last names: no folders here."""
    if isinstance(value, dict):
        return {key: _last_names(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_last_names(inner) for inner in value]
    if not isinstance(value, str):
        return value
    key, equals, text = value.rpartition("=")
    return f"{key}{equals}{Path(text).name}" if Path(text).is_absolute() else value


def _data_set(told: dict[str, list[str]] | None) -> Table | None:
    """Lay out which cases of an augmented data set are for what."""
    from medgan.report import Column, Table

    if told is None:
        return None
    columns = (Column("cases"), Column("for"), Column("number"), Column("which"))
    sorts = (
        ("real, learned from", "training", "real_train"),
        ("virtual", "training only", "virtual"),
        ("real, not seen by the model", "validation", "validation"),
    )
    rows = tuple(
        (what, use, len(told[key]), ", ".join(_stretches(told[key]))) for what, use, key in sorts
    )
    return Table(
        "Real and virtual cases",
        columns,
        rows,
        note="splits_final.json, datalist.json and dataset.csv say the same, file by file.",
    )


def _stretches(names: list[str]) -> list[str]:
    """Shorten names whose numbers follow each other: `real_0001 to real_0004`."""
    stretches: list[list[str]] = []
    for name in names:
        last = stretches[-1][-1] if stretches else ""
        if last and int(name.rpartition("_")[2]) == int(last.rpartition("_")[2]) + 1:
            stretches[-1].append(name)
        else:
            stretches.append([name])
    return [part[0] if len(part) == 1 else f"{part[0]} to {part[-1]}" for part in stretches]


def _synthesis(facts: dict[str, Any]) -> Table | None:
    """Lay out the figures of virtual scans beside what real ones reach."""
    from medgan.report import Column, Table

    title = "Virtual scans against real ones"
    heads = ("figure", "virtual", "real", "prior", "what it is")
    columns = tuple(map(Column, heads))
    if "not_measured" in facts:
        return Table(title, columns, (), note=f"Not measured: {facts['not_measured']}.")
    measured = facts.get("synthetic")
    if measured is None:
        return None
    from medgan.evaluation.synthetic_report import ARROWS, with_error

    rows = tuple(
        (
            f"{f['name']} {ARROWS[f['good']]}",
            with_error(f["value"], f["se"]),
            with_error(f["floor"], f["floor_se"]),
            with_error(f["prior"], f["prior_se"]),
            f["meaning"],
        )
        for f in measured["figures"]
    )
    return Table(title, columns, rows, note=" ".join([measured["sentence"], *measured["warnings"]]))


def _is_refusal(record: ScanRecord) -> bool:
    return record.failure is not None and record.failure.kind == "Refused"


REPORT = PerRun("report", 1, ReportStageSettings, run, reads=ALL, is_always_run=True, is_light=True)
