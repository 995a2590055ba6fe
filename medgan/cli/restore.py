"""`medgan restore`: the pipeline `restore_folder` with a friendlier front."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from medgan.cli.drive import Device, Out, TimeLimit, Workers, drive, finish
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import UsageError

FORMATS = ("nifti", "dicom")


@guarded
def restore(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A scan file, or a folder of any depth.")
    ],
    *,
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(help="Model folder, or slices-faithful (default) or slices-natural."),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="nifti,dicom", help="Formats to write. [default: the input's]")
    ] = "",
    missing: Annotated[
        str,
        typer.Option(
            metavar="12,13,40-44",
            help="Positions to fill over, zero-based as inspect prints them; for one scan only.",
        ),
    ] = "",
    axis: Annotated[
        int | None,
        typer.Option(min=0, max=2, help="Slice axis of files whose header does not tell it."),
    ] = None,
    modality: Annotated[
        Literal["ct", "mr"] | None, typer.Option(help="Modality, over what the files say.")
    ] = None,
    copy_complete: Annotated[
        bool, typer.Option("--copy-complete", help="Write scans without gaps as well.")
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Fill gaps too wide to be tried out on the scan itself."),
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
    time_limit: TimeLimit = 3600.0,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Fill the missing slices of every scan below PATH.

    Before a gap is filled, slices that are there are hidden and predicted: the ways to fill are
    weighted by how they do on this very scan, and the expected error is printed. Measured slices
    come back bit for bit; filled ones are marked in every file. The input is never written to.
    Research use only, not for diagnosis.

    For example:

      medgan restore scans/ -o restored/

      medgan restore scan.nii.gz -o restored/ --missing 12,13,40-44

      medgan restore series/ -o restored/ --format nifti,dicom --model slices-natural
    """
    voice = Voice(json, verbose, quiet)
    overrides = restore_overrides(
        model=model,
        formats=format,
        missing=missing,
        axis=axis,
        modality=modality,
        copy_complete=copy_complete,
        force=force,
    )
    summary = drive(
        "restore_folder",
        path,
        out,
        overrides,
        voice,
        device=device,
        workers=workers,
        time_limit_s=time_limit,
    )
    finish(summary, voice)


def restore_overrides(
    *,
    model: str | None,
    formats: str,
    missing: str,
    axis: int | None,
    modality: str | None,
    copy_complete: bool,
    force: bool = False,
) -> list[str]:
    """Turn the options of `restore` into settings of the pipeline."""
    from medgan.settings import assignment

    settings: dict[str, object] = {}
    if model is not None:
        settings["restore.model"] = model
    if formats:
        settings["export.formats"] = split_formats(formats, FORMATS)
    if missing:
        settings["index.missing"] = parse_positions(missing)
    if axis is not None:
        settings["index.axis"] = axis
    if modality is not None:
        settings["index.modality"] = modality
    if copy_complete:
        settings["index.take"] = "all"
    if force:
        settings["restore.force"] = True
    return [assignment(key, value) for key, value in settings.items()]


def split_formats(text: str, known: tuple[str, ...]) -> list[str]:
    """Split `nifti,dicom`.

    Raises
    ------
    UsageError
        For a format that is not known.
    """
    formats = [part.strip().lower() for part in text.split(",") if part.strip()]
    strange = [part for part in formats if part not in known]
    if strange or not formats:
        raise UsageError(
            f"unknown format {', '.join(strange) or '(none)'}",
            where=f"--format {text}",
            hint=f"Formats are {', '.join(known)}, separated by commas.",
        )
    return formats


def parse_positions(text: str) -> list[int]:
    """Read `12,13,40-44` as ascending positions.

    Raises
    ------
    UsageError
        If it is no such list.
    """
    positions: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(
                f"expected positions, found {part!r}",
                where=f"--missing {text}",
                hint="Example: --missing 12,13,40-44",
            )
        stop = int(last) if dash else int(first)
        if stop < int(first) or stop - int(first) > 100_000:
            raise UsageError(
                f"{part} is no range",
                where=f"--missing {text}",
                hint="Example: --missing 12,13,40-44",
            )
        positions.update(range(int(first), stop + 1))
    return sorted(positions)
