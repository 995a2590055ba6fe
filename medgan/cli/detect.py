"""`medgan detect`: slices that do not fit their neighbours. Writes nothing without -o."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.inspect import options_found_with, place_of, say_files
from medgan.cli.reading import Axis, Modality
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import MedganError, printable

if TYPE_CHECKING:
    from medgan.assessment.damage import Looked
    from medgan.restoration.detect import Suspect

N_OTHERS = 3
"""Slices below the threshold that -v names as well."""


@guarded
def detect(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A scan file, or a folder of any depth.")
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for pictures and a table (CSV, JSON)."),
    ] = None,
    axis: Axis = None,
    modality: Modality = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Rank the slices of every scan that do not fit their neighbours.

    Each slice is left out, predicted from its neighbours and compared: signal lost, noise, spikes,
    shifts, copies, blur, saturation, stripes, ghosts. A score of 1 is the threshold, which clean
    scans do not reach. A finding is a reason to look, not a verdict: -o draws each one between its
    neighbours.

    For example:

      medgan detect scans/

      medgan detect scan.nii.gz -o looked/

      medgan restore scan.nii.gz -o restored/ --damaged 12
    """
    from medgan.assessment.damage import Looked, as_json, draw_suspect, look_for_damage, write_table
    from medgan.assessment.hidden import check_output
    from medgan.record import dump
    from medgan.scans import discover
    from medgan.scans.atomic import write_bytes

    voice = Voice(json, verbose, quiet)
    if out is not None:
        check_output(path, out)
    listing = discover(path, axis, modality)
    scans: list[dict[str, object]] = []
    rows: list[tuple[str, Suspect]] = []
    failures: list[MedganError] = []
    for looked in look_for_damage(listing):
        if not isinstance(looked, Looked):
            voice.complain(looked.error)
            failures.append(looked.error)
            continue
        for line in scan_lines(
            looked, path, options_found_with(axis, modality), is_verbose=verbose
        ):
            voice.say(printable(line))
        scans.append(as_json(looked))
        rows += [(looked.found.id, suspect) for suspect in looked.detection.damaged]
        if out is not None:
            for suspect in looked.detection.damaged:
                draw_suspect(looked, suspect, out)
    say_files(voice, "refused (cannot be trusted)", listing.refused, listing)
    document = {"scans": scans, **{k: v for k, v in listing.as_json().items() if k != "scans"}}
    voice.document(document)
    voice.say(f"{len(scans)} scans, {len(rows)} slices that do not fit")
    if out is not None:
        write_bytes(out / "damaged.json", dump(document).encode())
        voice.say(f"wrote {write_table(rows, out / 'damaged.csv')}")
    if not scans:
        raise typer.Exit(1)
    raise typer.Exit(3 if listing.refused or failures else 0)


def scan_lines(looked: Looked, named: Path, options: str, *, is_verbose: bool) -> list[str]:
    """Return the lines that tell what was found in one scan.

    Parameters
    ----------
    named
        The path it was found below.
    options
        Options that it was found with, which mending it needs as well.
    is_verbose
        Name the worst of the other slices, too.
    """
    from medgan.scans import positions_in_words

    detection = looked.detection
    n_judged = len(detection.damaged) + len(detection.others)
    n_slices = int(looked.scan.present.sum())
    lines = [
        looked.found.id,
        f"  {n_slices} slices, {n_judged} judged, {len(detection.damaged)} do not fit",
    ]
    shown = [*detection.damaged, *detection.others[: N_OTHERS * is_verbose]]
    if shown:
        lines.append("  rank  position  instance  score  kind")
    for rank, suspect in enumerate(shown, 1):
        instance = "-" if suspect.instance is None else suspect.instance
        words = suspect.words if suspect.score >= 1 else f"({suspect.words}: below the threshold)"
        lines.append(
            f"  {rank:>4}  {suspect.position:>8}  {instance:>8}  {suspect.score:>5.2f}  {words}"
        )
    if detection.unjudged:
        lines.append(
            f"  not judged (an end, hardly any signal, or beside a wide gap): positions "
            f"{positions_in_words(detection.unjudged)}"
        )
    if detection.damaged:
        positions = positions_in_words([s.position for s in detection.damaged]).replace(" ", "")
        place = shlex.quote(place_of(looked.found, named))
        lines.append(
            f"  mend it: medgan restore {place} -o restored --damaged {positions}{options}"
        )
    return [*lines, ""]
