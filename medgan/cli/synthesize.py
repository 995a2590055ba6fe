"""`medgan synthesize`: a model folder to virtual scans."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.drive import Device, Out, drive, finish
from medgan.cli.how import Workers, run_options
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.cli.words import split_formats

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

      medgan synthesize run/ -n 20 -o virtual/

      medgan synthesize run/ -n 60 -o virtual/ --format nifti,dicom,nnunet
    """
    from medgan.settings import assignment

    voice = Voice(json, verbose, quiet)
    overrides = [
        assignment("synthesize.model", _named(model)),
        f"synthesize.n={n}",
        f"synthesize.seed={seed}",
        f"synthesize.first={first}",
        f"export.formats={split_formats(format, FORMATS)}",
    ]
    options = run_options(workers=workers, device=device)
    summary = drive("synthesize_cases", None, out, overrides, voice, options)
    finish(summary, voice)


def _named(model: str) -> str:
    """Make the path of a model folder independent of where children work."""
    return str(Path(model).absolute()) if Path(model).is_dir() else model
