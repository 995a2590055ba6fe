"""`medgan doctor`: what this machine has, and the fastest way to compute on it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import MedganError, WriteError

if TYPE_CHECKING:
    from medgan.pipeline.doctor import Examination
    from medgan.pipeline.machine_choice import Choice


@guarded
def doctor(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where outputs are meant to go.")
    ] = Path(),
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Leave out torch.compile: seconds, not a minute.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Measure and say, but remember nothing.")
    ] = False,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Examine this machine once: what there is, what is missing, and what is fastest.

    What it chose is kept in a file of your own (XDG_CACHE_HOME/medgan/machine.json), and from then
    on runs read their threads from it, and trainings what `auto` stands for. Delete that file, and
    all is as before. Nothing is kept while other programs are at work: figures would be theirs.
    Exit code 1: something that is needed is broken, and it says what to do.

    For example:

      medgan doctor --quick
    """
    from medgan.pipeline.doctor import examine

    voice = Voice(json, verbose, quiet)
    found = examine(folder, quick=quick)
    for line in findings(found):
        voice.say(line)
    kept = "" if dry_run or found.is_busy or found.choice is None else _kept(found.choice)
    if kept:
        voice.say(f"kept in     {kept}")
    elif found.is_busy and not dry_run:
        voice.say("nothing kept: other programs are at work here; ask again when they are done")
    voice.document(found.as_json() | {"file": kept})
    for problem in found.problems:
        voice.complain(MedganError(problem.what, where="this installation", hint=problem.hint))
    if found.problems:
        raise typer.Exit(1)


def _kept(choice: Choice) -> str:
    from medgan.pipeline.machine_choice import keep

    try:
        return str(keep(choice))
    except OSError as error:
        raise WriteError(
            f"what was chosen cannot be kept: {error.strerror or type(error).__name__}",
            where=str(error.filename or "XDG_CACHE_HOME"),
            hint="Set XDG_CACHE_HOME to a folder that you may write to, or add --dry-run.",
        ) from error


def findings(found: Examination) -> list[str]:
    """Lay an examination out for people."""
    disks = ", ".join(f"{free:.0f} GB free in {place}" for place, free in found.disk_gb.items())
    versions = ", ".join(f"{name} {v or 'missing'}" for name, v in found.versions.items())
    programs = ", ".join(f"{name} {path or 'not there'}" for name, path in found.programs.items())
    lines = [
        f"machine     {found.processor}, {found.cores} cores, {found.memory_gb:.1f} GB of memory",
        f"GPU         {', '.join(found.gpus) or 'none that torch can use'}",
        f"disk        {disks}",
        f"versions    {versions}",
        f"extras      {_all_of(found.extras)}",
        f"programs    {programs}",
    ]
    if found.choice is not None:
        fill = ", ".join(f"{s * 1e3:.0f} ms by {n}" for n, s in found.fill_seconds.items())
        train = ", ".join(f"{way} {s * 1e3:.0f} ms" for way, s in found.train_seconds.items())
        lines += [
            f"filling     a slice takes {fill} threads: at most {found.choice.threads} a worker",
            f"training    a step takes {train}: `auto` is {found.choice.precision}",
        ]
    if found.compiled_gain is not None:
        lines.append(f"compiling   {found.compiled_gain:.2f} times as fast; medgan does not use it")
    return [*lines, *(f"note: {remark}" for remark in found.remarks)]


def _all_of(extras: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(
        f"{name} without {', '.join(missing)}" if missing else f"{name} complete"
        for name, missing in sorted(extras.items())
    )
