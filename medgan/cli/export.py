"""`medgan export`: the pipeline `export_folder` with a friendlier front."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.drive import Out, drive, finish
from medgan.cli.how import Deidentify, SaltFile, TimeLimit, Workers, run_options
from medgan.cli.reading import Axis, Modality
from medgan.cli.tilt import Resample, Sheared, tilt_settings
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.cli.words import FORMATS, split_formats


@guarded
def export(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A scan file, or a folder of any depth.")
    ],
    *,
    out: Out,
    format: Annotated[
        str, typer.Option(metavar="nifti|dicom|bids", help="What to write; nifti,dicom for both.")
    ],
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse scans in which slices are missing.")
    ] = False,
    sheared: Sheared = False,
    resample: Resample = False,
    deidentify: Deidentify = False,
    salt_file: SaltFile = None,
    axis: Axis = None,
    modality: Modality = None,
    workers: Workers = None,
    time_limit: TimeLimit = 3600.0,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Convert every scan below PATH, as read: nothing is filled in.

    Label maps become NIfTI labels, or DICOM segmentations. In NIfTI a gap is held open by constant
    slices, and a mask of missing slices is written; in DICOM it is a position without a file. What
    was written is read again and compared bit for bit. The input is never written to.

    For example:

      medgan export scans/ -o converted/ --format nifti

      medgan export scan.nii.gz -o converted/ --format dicom

      medgan export scans/ -o derivatives/ --format bids --strict

      medgan export scans/ -o shared/ --format dicom --deidentify
    """
    voice = Voice(json, verbose, quiet)
    overrides = export_overrides(
        formats=format,
        strict=strict,
        sheared=sheared,
        resample=resample,
        axis=axis,
        modality=modality,
        deidentify=deidentify,
    )
    options = run_options(workers=workers, time_limit=time_limit, salt_file=salt_file)
    summary = drive("export_folder", path, out, overrides, voice, options)
    finish(summary, voice)


def export_overrides(
    *,
    formats: str,
    strict: bool,
    sheared: bool,
    resample: bool,
    axis: int | None,
    modality: str | None,
    deidentify: bool = False,
) -> list[str]:
    """Turn the options of `export` into settings of the pipeline.

    Raises
    ------
    UsageError
        If formats or options clash.
    """
    from medgan.settings import assignment

    settings: dict[str, object] = {"export.formats": split_formats(formats, FORMATS)}
    if axis is not None:
        settings["index.axis"] = axis
    if modality is not None:
        settings["index.modality"] = modality
    if strict:
        settings["export.strict"] = True
    if deidentify:
        settings["export.deidentify"] = True
    settings |= tilt_settings(sheared=sheared, resample=resample)
    return [assignment(key, value) for key, value in settings.items()]
