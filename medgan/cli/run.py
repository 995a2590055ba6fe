"""`medgan run`: any pipeline, by file or by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.drive import Assignments, Device, Out, TimeLimit, Workers, drive, finish
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded


@guarded
def run(
    pipeline: Annotated[
        str, typer.Argument(help="A YAML file, or restore_folder, train_restorer, augment_dataset.")
    ],
    source: Annotated[
        Path | None, typer.Argument(metavar="[INPUT]", help="Folder or file to work on.")
    ] = None,
    *,
    out: Out,
    assignments: Assignments = None,
    workers: Workers = None,
    device: Device = "auto",
    time_limit: TimeLimit = 3600.0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and why; write nothing.")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run a pipeline over a folder of scans; a second run redoes nothing that is up to date.

    A scan that fails is named and does not stop the others (exit code 3). After Ctrl-C, a crash
    or a power cut the same command goes on where it stood.

    For example:

      medgan run restore_folder scans/ -o restored/

      medgan run augment_dataset labelled/ -o virtual/ --set synthesize.n=200

      medgan run my_pipeline.yaml scans/ -o out/ --workers 4 --dry-run
    """
    voice = Voice(json, verbose, quiet)
    overrides = assignments or []
    if dry_run:
        _rehearse(pipeline, source, out, overrides, voice)
        return
    summary = drive(
        pipeline,
        source,
        out,
        overrides,
        voice,
        device=device,
        workers=workers,
        time_limit_s=time_limit,
    )
    finish(summary, voice)


def _rehearse(
    pipeline: str, source: Path | None, out: Path, overrides: list[str], voice: Voice
) -> None:
    from medgan.pipeline import rehearse

    said = rehearse(pipeline, source, out, overrides)
    for unit, reason in said:
        voice.say(f"would do {unit}: {reason}")
    if not said:
        voice.say("everything is up to date")
    voice.document({"would_do": [{"unit": unit, "why": reason} for unit, reason in said]})
