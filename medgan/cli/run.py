"""`medgan run`: any pipeline, by file or by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.drive import Assignments, Device, Out, drive, finish
from medgan.cli.how import (
    ClusterOption,
    Engine,
    EventsOption,
    Job,
    MaxFailures,
    Memory,
    Merge,
    PrintSlurm,
    RetryFailed,
    SaltFile,
    Scheduler,
    ShardOption,
    Shards,
    TimeLimit,
    Workers,
    run_options,
)
from medgan.cli.slurm import slurm_script
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded

if TYPE_CHECKING:
    from medgan.pipeline import RunOptions


@guarded
def run(
    context: typer.Context,
    pipeline: Annotated[
        str,
        typer.Argument(
            help="A YAML file, or one that is shipped: restore_folder, export_folder, "
            "train_restorer, augment_dataset, synthesize_cases, train_hippocampus."
        ),
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
    memory: Memory = None,
    max_failures: MaxFailures = None,
    retry_failed: RetryFailed = False,
    shard: ShardOption = None,
    merge: Merge = False,
    engine: Engine = None,
    cluster: ClusterOption = None,
    job: Job = None,
    scheduler: Scheduler = None,
    print_slurm: PrintSlurm = False,
    shards: Shards = 8,
    events: EventsOption = None,
    salt_file: SaltFile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and why; write nothing.")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Run a pipeline over a folder of scans; a second run redoes nothing that is up to date.

    A scan that fails, hangs, eats memory or kills its process is named and does not stop the
    others (exit code 3). After Ctrl-C, a crash or a power cut the same command goes on where it
    stood. `medgan status OUT` says how it stands.

    A pipeline is a YAML file of stages and their settings. Those that are shipped stand in the
    folder pipelines/ of the repository, and in medgan/pipelines/ of an installed package: copy one
    to write your own.

    For example:

      medgan run restore_folder scans/ -o restored/

      medgan run augment_dataset labelled/ -o virtual/ --set synthesize.n=200

      medgan run my_pipeline.yaml scans/ -o out/ --workers 4 --dry-run

      medgan run restore_folder scans/ -o restored/ --retry-failed --time-limit 7200

      medgan run restore_folder scans/ -o restored/ --print-slurm --shards 16 > job.sh
    """
    voice = Voice(json, verbose, quiet)
    if print_slurm:
        print(slurm_script(context, shards), end="")
        return
    overrides = assignments or []
    options = run_options(
        workers=workers,
        device=device,
        time_limit=time_limit,
        memory=memory,
        max_failures=max_failures,
        retry_failed=retry_failed,
        shard=shard,
        merge=merge,
        salt_file=salt_file,
        engine=engine,
        cluster=cluster,
        job=job,
        scheduler=scheduler,
    )
    if dry_run:
        _rehearse(pipeline, source, out, overrides, options, voice)
        return
    finish(drive(pipeline, source, out, overrides, voice, options, events), voice)


def _rehearse(
    pipeline: str,
    source: Path | None,
    out: Path,
    overrides: list[str],
    options: RunOptions,
    voice: Voice,
) -> None:
    from medgan.pipeline import rehearse

    said = rehearse(pipeline, source, out, overrides, options)
    for unit, reason in said:
        voice.say(f"would do {unit}: {reason}")
    if not said:
        voice.say("everything is up to date")
    voice.document({"would_do": [{"unit": unit, "why": reason} for unit, reason in said]})
