"""`medgan synthesize`: a model folder to virtual scans."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.drive import Device, Out, drive, finish
from medgan.cli.how import Workers, run_options
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.cli.words import split_formats
from medgan.errors import UsageError

FORMATS = ("nifti", "dicom", "nnunet")


@guarded
def synthesize(
    model: Annotated[str, typer.Argument(help="Model folder made by `medgan train`.")],
    *,
    n: Annotated[int, typer.Option("-n", min=1, help="How many virtual scans.")],
    out: Out,
    format: Annotated[
        str, typer.Option(metavar="nifti,dicom,nnunet", help="Formats to write.")
    ] = "nifti",
    seed: Annotated[
        int, typer.Option(min=0, help="The same seed gives the same scans on one machine.")
    ] = 0,
    first: Annotated[
        int, typer.Option(min=0, help="Index of the first case; with it a later run adds more.")
    ] = 0,
    label: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="A condition of the model, e.g. age=60; may be given many times.",
        ),
    ] = None,
    labels_from: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Label maps to make images for, in turn; they stay as they are. Templates only.",
        ),
    ] = None,
    reject_copies: Annotated[
        bool,
        typer.Option(
            "--reject-copies",
            help="With --train: draw again what is nearer to a training scan than these are to "
            "each other.",
        ),
    ] = False,
    train: Annotated[
        Path | None,
        typer.Option(help="With --reject-copies: folder that the model was trained from."),
    ] = None,
    device: Device = "auto",
    workers: Workers = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Make virtual scans, with label maps where the model has them.

    nnunet writes the layout that nnU-Net trains from. Every file says that it is synthetic.
    Research use only, not for diagnosis.

    For example:

      medgan synthesize hippocampus-3d -n 20 -o virtual/

      medgan synthesize run/ -n 60 -o virtual/ --format nifti,dicom,nnunet

      medgan synthesize run/ -n 60 -o virtual/ --reject-copies --train labelled/
    """
    from medgan.settings import assignment

    voice = Voice(json, verbose, quiet)
    if reject_copies != (train is not None):
        raise UsageError(
            "copies can be told only beside the scans that the model was trained on",
            where="--reject-copies, --train",
            hint="Give both: --reject-copies --train FOLDER.",
        )
    overrides = [
        assignment("synthesize.model", _named(model)),
        f"synthesize.n={n}",
        f"synthesize.seed={seed}",
        f"synthesize.first={first}",
        f"export.formats={split_formats(format, FORMATS)}",
    ]
    if train is not None:
        overrides.append(assignment("synthesize.no_copies_of", str(train.absolute())))
    wanted = split_labels(label or [])
    if wanted and labels_from is not None:
        raise UsageError(
            "the label map says what is made, conditions cannot",
            where="--label, --labels-from",
            hint="Give one of the two.",
        )
    if labels_from is not None:
        overrides.append(assignment("synthesize.labels_from", str(labels_from.absolute())))
    if wanted:
        overrides.append(assignment("synthesize.wanted", wanted))
    options = run_options(workers=workers, device=device)
    summary = drive("synthesize_cases", None, out, overrides, voice, options)
    finish(summary, voice)


def split_labels(words: Sequence[str]) -> dict[str, str]:
    """Read `NAME=VALUE` words.

    Raises
    ------
    UsageError
        For a word that is none, or a name that comes twice.
    """
    wanted: dict[str, str] = {}
    for word in words:
        name, equals, value = (part.strip() for part in word.partition("="))
        if not (name and equals and value) or name in wanted:
            raise UsageError(
                "expected each name once, with its value",
                where=f"--label {word}",
                hint="Example: --label age=60 --label sex=F",
            )
        wanted[name] = value
    return wanted


def _named(model: str) -> str:
    """Make the path of a model folder independent of where children work."""
    return str(Path(model).absolute()) if Path(model).is_dir() else model
