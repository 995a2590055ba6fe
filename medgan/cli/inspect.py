"""`medgan inspect`: what is there, what is missing, and what would mend it. Writes nothing."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.reading import Axis, Modality
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import ReadError, printable

if TYPE_CHECKING:
    from medgan.scans import Found, Listing, Refused, SetAside

RULER_WIDTH = 100
_SHOWN_FILES = 3


@guarded
def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A scan file, or a folder of any depth.")
    ],
    axis: Axis = None,
    modality: Modality = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """List every scan below PATH, and what is missing in it.

    For each scan: modality, size, spacing, orientation, a slice ruler (| slice, . missing,
    x damaged, _ empty end), the missing positions and instance numbers, and the command that
    would mend it. Then what was refused or set aside, with reasons.

    For example:

      medgan inspect scans/

      medgan inspect scans/ --json > scans.json
    """
    from medgan.scans import discover

    voice = Voice(json, verbose, quiet)
    listing = discover(path, axis, modality)
    voice.document(listing.as_json())
    options = options_found_with(axis, modality)
    for found in listing.scans:
        for line in scan_lines(found, path, options):
            voice.say(printable(line))
    say_files(voice, "refused (cannot be trusted)", listing.refused, listing)
    say_files(voice, "set aside (no stack of slices)", listing.set_aside, listing)
    n_gaps = sum(1 for found in listing.scans if found.missing)
    voice.say(f"{len(listing.scans)} scans, {n_gaps} with slices missing")
    if not listing.scans:
        voice.complain(
            ReadError(
                "there is no scan here that can be read",
                where=str(path),
                hint="Give a folder of DICOM series, or NIfTI, NRRD or MHA volumes.",
            )
        )
    raise typer.Exit(_exit_code(listing))


def scan_lines(found: Found, named: Path, options: str = "") -> list[str]:
    """Return the lines that describe one scan.

    Parameters
    ----------
    named
        The path it was found below.
    options
        Options that it was found with, which mending it needs as well; a blank before each.
    """
    size = " x ".join(map(str, found.grid.shape))
    spacing = " x ".join(f"{step:.4g}" for step in found.grid.spacing_mm)
    kind = "label map" if found.kind == "label" else found.modality.upper()
    lines = [
        found.id,
        f"  {kind}, {found.format}, {size} voxels, {spacing} mm, {found.grid.orientation}, "
        f"slices along axis {found.axis}",
    ]
    ruler = found.ruler
    lines += [f"  {ruler[n : n + RULER_WIDTH]}" for n in range(0, len(ruler), RULER_WIDTH)]
    if found.missing:
        lines.append(f"  missing: {_missing(found)}")
        place = shlex.quote(place_of(found, named))
        lines.append(f"  mend it: medgan restore {place} -o restored{options}")
    elif found.kind == "image":
        lines.append("  complete")
    lines += [f"  note: {note}" for note in found.notes]
    return [*lines, ""]


def options_found_with(axis: int | None, modality: str | None) -> str:
    """Write the options that say what headers do not, as `restore` takes them."""
    options = {"axis": axis, "modality": modality}
    return "".join(f" --{key} {value}" for key, value in options.items() if value is not None)


def _missing(found: Found) -> str:
    from medgan.scans import positions_in_words

    noun = "position" if len(found.missing) == 1 else "positions"
    text = f"{noun} {positions_in_words(found.missing)}"
    if found.missing_instances:
        text += f" (instance numbers {positions_in_words(sorted(found.missing_instances))})"
    if found.damaged:
        text += f"; damaged files at {positions_in_words(found.damaged)}"
    return text


def place_of(found: Found, named: Path) -> str:
    """Name the smallest path that holds the scan; of one in an archive, the path that was named."""
    files = {file for file in found.source.files if file is not None}
    base = named if named.is_dir() else named.parent
    if not all(file.is_relative_to(base) for file in files):
        return str(named)
    if len(files) == 1:
        return str(files.pop())
    return os.path.commonpath([str(file.parent) for file in files])


def say_files(
    voice: Voice, head: str, entries: Sequence[Refused] | Sequence[SetAside], listing: Listing
) -> None:
    """Name files that were refused or set aside, with the reason."""
    if not entries:
        return
    voice.say(f"{head}:")
    for entry in entries:
        names = [printable(listing.name_of(file)) for file in entry.files]
        shown = names if voice.is_verbose else names[:_SHOWN_FILES]
        more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
        voice.say(f"  {', '.join(shown)}{more}: {entry.reason}")
    voice.say()


def _exit_code(listing: Listing) -> int:
    """0 all well; 1 nothing can be read; 3 something was refused or is damaged."""
    if not listing.scans:
        return 1
    return 3 if listing.refused or any(found.damaged for found in listing.scans) else 0
