"""`medgan status`: how an output folder stands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded

if TYPE_CHECKING:
    from medgan.pipeline.status import RunStatus

MOST = 20


@guarded
def status(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Output folder of a run.")],
    *,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Say what is done, what failed and why, and what is not done yet.

    What counts as done is checked against the files that are there: an output that was changed or
    deleted makes its scan count as not done. May be asked while runs and shards are at work.
    Exit code 0: all is done; 3: something failed or is not done yet.

    For example:

      medgan status restored/

      medgan status restored/ --json
    """
    from medgan.pipeline import read_status

    voice = Voice(json, verbose, quiet)
    found = read_status(out)
    for line in status_lines(found, most=None if verbose else MOST):
        voice.say(line)
    voice.document(found.as_json())
    raise typer.Exit(found.exit_code)


def status_lines(found: RunStatus, most: int | None = MOST) -> list[str]:
    """Lay it out for people; of long lists the first `most`."""
    done, failed, waiting = found.of("done"), found.of("failed"), found.of("not done")
    lines = [f"{len(done)} done, {len(failed)} failed, {len(waiting)} not done yet"]
    lines += [f"at work: {who}" for who in found.at_work]
    for unit in failed[:most]:
        fault = unit.failure
        lines.append(f"failed: {unit.unit}: {fault.stage + ': ' if fault else ''}{unit.why}")
        if fault and fault.hint:
            lines.append(f"  try: {fault.hint}")
        if fault and fault.trace:
            lines.append(f"  traceback: {fault.trace}")
    lines += [f"not done: {unit.unit}: {unit.why}" for unit in waiting[:most]]
    if most is not None:
        hidden = max(0, len(failed) - most) + max(0, len(waiting) - most)
        lines += [f"... and {hidden} more, -v names them"] if hidden else []
    return lines
