"""`medgan validate`: prove what lies in an output folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import ReadError, UsageError

if TYPE_CHECKING:
    from medgan.record import ScanRecord
    from medgan.scans.validate_folder import ScanCheck
    from medgan.scans.validate_source import Sources


@guarded
def validate(
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="Output folder of restore, export or synthesize.")
    ],
    *,
    source: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="What the outputs were made from; found by content. [default: where it was read, "
            "if it is still there]",
        ),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Read every output below OUT again, and compare it with its sidecar and its source.

    Every measured slice by its hash, places, marks of made slices, masks; files that were changed
    or are missing. With the source at hand, voxels and positions are compared with it as well.
    Where dciodvfy (Debian: dicom3tools) is installed, it judges the first file of each DICOM
    series and every filled slice. Exit code 0: all is as it was written; 3: something is not, and
    is named; 1: there is nothing to validate. Writes nothing.

    For example:

      medgan validate restored/

      medgan validate restored/ --source scans/
    """
    from medgan.pipeline.written import read_outputs
    from medgan.scans.dciodvfy import is_installed
    from medgan.scans.validate_folder import validate_folder

    if source is not None and not source.exists():
        raise UsageError(
            "there is no such file or folder",
            where=f"--source {source}",
            hint="Name what the outputs were made from, or leave --source out.",
        )
    voice = Voice(json, verbose, quiet)
    checks = []
    told = read_outputs(out)
    found = validate_folder(out, _Finder(out, source), told, must_find=source is not None)
    for check in found:
        checks.append(check)
        for line in check_lines(check, is_verbose=verbose):
            voice.say(line)
    if not checks:
        raise ReadError(
            "there is nothing to validate: no sidecar and no scan",
            where=str(out),
            hint="Name the output folder of `medgan restore`, `export` or `synthesize`.",
        )
    bad = [check for check in checks if check.faults]
    voice.say(f"{len([c for c in checks if c.id])} scans, {len(bad)} not as they were written")
    if not is_installed() and any(name.endswith(".dcm") for name in told):
        voice.say("dciodvfy is not installed (Debian: dicom3tools), and judged nothing")
    exit_code = 3 if bad else 0
    voice.document({"exit_code": exit_code, "scans": [check.as_json() for check in checks]})
    raise typer.Exit(exit_code)


def check_lines(check: ScanCheck, *, is_verbose: bool = False) -> list[str]:
    """Return what is said of one scan: a line, and one for each fault."""
    parts = [check.id or "(no scan)"]
    if check.n_files:
        parts.append(f"{check.n_files} files")
    if check.measured:
        parts.append(f"{check.measured} measured slices compared")
    if check.made:
        parts.append(f"{check.made} made ones marked")
    if check.is_compared:
        parts.append("source compared")
    if check.n_judged:
        parts.append(f"dciodvfy on {check.n_judged} files")
    lines = ["  ".join([*parts, "FAILED" if check.faults else "OK"])]
    lines += [f"  {fault}" for fault in check.faults]
    if is_verbose:
        lines += [f"  note: {note}" for note in check.notes]
    return lines


class _Finder:
    """Where the source of a record may be found: below what was named, or where it was read."""

    def __init__(self, out: Path, source: Path | None) -> None:
        self._out, self._source = out, source
        self._known: dict[Path, Sources] = {}

    def __call__(self, record: ScanRecord) -> Sources | None:
        from medgan.pipeline.written import source_root
        from medgan.scans.validate_source import Sources

        root = self._source or source_root(self._out, record.sources)
        if root is None:
            return None
        if root not in self._known:
            self._known[root] = Sources(root)
        return self._known[root]
