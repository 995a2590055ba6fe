"""Run a pipeline for a command: progress while it runs, paths and exit code at the end."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.how import How
from medgan.cli.voice import Voice

if TYPE_CHECKING:
    from medgan.pipeline import RunSummary

Out = Annotated[
    Path, typer.Option("-o", "--output", help="Output folder: new, empty, or of an earlier run.")
]
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
    how: How,
) -> RunSummary:
    """Run it, and say what came of it."""
    from medgan.pipeline import Events, Together, run_pipeline

    options = how.options()
    progress = voice.progress()
    watcher = Together(progress, Events(how.events)) if how.events else progress
    summary = run_pipeline(pipeline, source, out, overrides, options, watcher)
    for name in top_outputs(summary.outputs):
        voice.say(f"wrote {out}/{name}" if not name.startswith("...") else f"  {name}")
    return summary


def finish(summary: RunSummary, voice: Voice) -> None:
    """Print the JSON document if asked for, and leave with the run's exit code."""
    voice.document(summary.as_json())
    raise typer.Exit(summary.exit_code)


def top_outputs(outputs: Sequence[str], most: int = 8) -> list[str]:
    """Name what was written in a few lines: reports, then files or folders at the top."""
    reports = [name for name in outputs if name.startswith("report.")]
    rest = [name for name in outputs if name not in reports and not name.startswith(".")]
    if len(rest) > most:
        rest = sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in rest})
    if len(rest) > most:
        rest = [*rest[: most - 1], f"... and {len(rest) - most + 1} more"]
    return [*rest, *reports]
