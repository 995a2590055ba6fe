"""Run a pipeline for a command: progress while it runs, paths and exit code at the end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from medgan.cli.voice import Voice

if TYPE_CHECKING:
    from medgan.pipeline import RunOptions, RunSummary

Out = Annotated[
    Path, typer.Option("-o", "--output", help="Output folder: new, empty, or of an earlier run.")
]
MOST_NAMED = 8
"""Outputs that are named, reports aside."""

Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:n.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="A.B=C", help="Change one setting; may be given many times."),
]


def drive(
    pipeline: str,
    source: Path | None,
    out: Path,
    overrides: Sequence[str],
    voice: Voice,
    options: RunOptions,
    events: str | None = None,
) -> RunSummary:
    """Run it, and say what came of it; events are told to a file, or to stderr for `-`."""
    from medgan.pipeline import Events, Together, run_pipeline

    progress = voice.progress()
    watcher = Together(progress, Events(_told_to(events))) if events else progress
    summary = run_pipeline(pipeline, source, out, overrides, options, watcher)
    for name in top_outputs(summary.outputs):
        voice.say(f"wrote {out}/{name}" if not name.startswith("...") else f"  {name}")
    return summary


def _told_to(events: str) -> Path | TextIO:
    return sys.stderr if events == "-" else Path(events)


def finish(summary: RunSummary, voice: Voice) -> None:
    """Print the JSON document if asked for, and leave with the run's exit code."""
    from medgan.pipeline import trouble_lines

    if voice.is_quiet:  # all others have read it in the summary
        for text in trouble_lines(summary):
            voice.warn(text)
    voice.document(summary.as_json())
    raise typer.Exit(summary.exit_code)


def top_outputs(outputs: Sequence[str]) -> list[str]:
    """Name what was written in a few lines: reports, then files or folders at the top."""
    reports = [name for name in outputs if name.startswith("report.")]
    rest = [name for name in outputs if name not in reports and not name.startswith(".")]
    if len(rest) > MOST_NAMED:
        rest = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in rest})
    if len(rest) > MOST_NAMED:
        rest = [*rest[: MOST_NAMED - 1], f"... and {len(rest) - MOST_NAMED + 1} more"]
    return [*rest, *reports]
