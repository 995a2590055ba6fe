"""`medgan restore`: the pipeline `restore_folder` with a friendlier front."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import typer

from medgan.cli.corrections import (
    BiasField,
    Denoise,
    DenoiserModel,
    Gibbs,
    correction_settings,
)
from medgan.cli.drive import Device, Out, drive, finish
from medgan.cli.how import (
    ClusterOption,
    Deidentify,
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
from medgan.cli.reading import Axis, Modality
from medgan.cli.slurm import slurm_script
from medgan.cli.tilt import Resample, Sheared, tilt_settings
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.cli.words import (
    FORMATS,
    parse_damaged,
    parse_effort,
    parse_positions,
    split_formats,
)


@guarded
def restore(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A scan file, or a folder of any depth.")
    ],
    *,
    out: Out,
    model: Annotated[
        str | None,
        typer.Option(
            help="Model folder, slices-faithful (default), slices-natural, or none: classical "
            "methods only. For thick slices slices-thick takes its place, unless it is none."
        ),
    ] = None,
    texture: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="How far to go from the faithful network (0, default) to the natural one (1): "
            "more texture, less fidelity.",
        ),
    ] = None,
    adapt: Annotated[
        str | None,
        typer.Option(
            metavar="30s",
            help="Train the network on for each scan: so long (30s), or so many steps (100, which "
            "can be repeated exactly). It is used where it does better on slices it has not seen.",
        ),
    ] = None,
    format: Annotated[
        str,
        typer.Option(
            metavar="nifti,dicom", help="Formats to write, or bids. [default: the input's]"
        ),
    ] = "",
    missing: Annotated[
        str,
        typer.Option(
            metavar="12,13,40-44",
            help="Positions to fill over, zero-based as inspect prints them; for one scan only.",
        ),
    ] = "",
    damaged: Annotated[
        str,
        typer.Option(
            metavar="auto|12,13",
            help="Fill over damaged slices: the positions named, or (auto) those that `medgan "
            "detect` finds in every scan.",
        ),
    ] = "",
    fill_ends: Annotated[
        bool,
        typer.Option(
            "--fill-ends",
            help="Extrapolate slices missing at the ends: constant ones, those the header counts, "
            "those named by --missing.",
        ),
    ] = False,
    insert: Annotated[
        str,
        typer.Option(
            metavar="12,13",
            help="Positions to open in a stack that was closed up, as numbered in the longer "
            "stack; not for DICOM, whose positions tell.",
        ),
    ] = "",
    mask: Annotated[
        Path | None,
        typer.Option(metavar="MASK", help="Fill the voxels of one scan that are not 0 in MASK."),
    ] = None,
    upsample: Annotated[
        int | None,
        typer.Option(min=2, max=4, help="Thin slices to make of every one; needs --slices."),
    ] = None,
    spacing: Annotated[
        float | None,
        typer.Option(
            metavar="MM", help="As --upsample, by the distance that is wanted between slices."
        ),
    ] = None,
    slices: Annotated[
        Literal["missing", "thick"] | None,
        typer.Option(
            help="With --upsample: slices are exact samples and come back bit for bit (missing), "
            "or averages over their thickness (thick)."
        ),
    ] = None,
    denoise: Denoise = False,
    denoiser: DenoiserModel = None,
    gibbs: Gibbs = False,
    bias_field: BiasField = False,
    axis: Axis = None,
    modality: Modality = None,
    copy_complete: Annotated[
        bool, typer.Option("--copy-complete", help="Write scans without gaps as well.")
    ] = False,
    sheared: Sheared = False,
    resample: Resample = False,
    deidentify: Deidentify = False,
    salt_file: SaltFile = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Fill gaps too wide to be tried out on the scan itself."),
    ] = False,
    device: Device = "auto",
    workers: Workers = None,
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

      medgan restore scans/ -o restored/ --damaged auto

      medgan restore series/ -o restored/ --format nifti,dicom --model slices-natural

      medgan restore thick.nii.gz -o thin/ --spacing 1.0 --slices thick

      medgan restore noisy.nii.gz -o denoised/ --denoise

      medgan restore scans/ -o shared/ --deidentify

      medgan restore scans/ -o restored/ --print-slurm --shards 16 > job.sh
    """
    voice = Voice(json, verbose, quiet)
    if print_slurm:
        print(slurm_script(context, shards), end="")
        return
    made = {
        "damaged": parse_damaged(damaged) if damaged else None,
        "fill_ends": fill_ends or None,
        "insert": parse_positions(insert, "--insert") if insert else None,
        "mask": None if mask is None else str(mask),
        "upsample": upsample,
        "spacing_mm": spacing,
        "slices": slices,
    }
    overrides = restore_overrides(
        model=model,
        network={"texture": texture, "adapt": adapt and parse_effort(adapt)},
        formats=format,
        missing=missing,
        axis=axis,
        modality=modality,
        copy_complete=copy_complete,
        force=force,
        made=made,
        corrected=correction_settings(
            denoise=denoise,
            denoiser=denoiser,
            gibbs=gibbs,
            bias_field=bias_field,
            made={**made, "missing": missing, "force": force},
        ),
        tilt=tilt_settings(sheared=sheared, resample=resample),
        deidentify=deidentify,
    )
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
    finish(drive("restore_folder", path, out, overrides, voice, options, events), voice)


def restore_overrides(
    *,
    model: str | None,
    formats: str,
    missing: str,
    axis: int | None,
    modality: str | None,
    copy_complete: bool,
    force: bool = False,
    made: Mapping[str, object] | None = None,
    network: Mapping[str, object] | None = None,
    corrected: Mapping[str, object] | None = None,
    tilt: Mapping[str, object] | None = None,
    deidentify: bool = False,
) -> list[str]:
    """Turn the options of `restore` into settings of the pipeline.

    Parameters
    ----------
    made
        What is to be made beside the gaps: settings of `index` by name; None leaves one out.
    network
        What is done to the network: settings of `restore` by name; None leaves one out.
    corrected
        What is done to every slice of complete scans: see `correction_settings`.
    tilt
        What to do about tilted stacks: see `tilt_settings`.
    """
    from medgan.settings import assignment

    settings: dict[str, object] = {
        f"index.{key}": value for key, value in (made or {}).items() if value is not None
    }
    if model is not None:
        settings["restore.model"] = model
    settings |= {f"restore.{k}": v for k, v in (network or {}).items() if v is not None}
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
    settings |= corrected or {}
    settings |= tilt or {}
    if deidentify:
        settings["export.deidentify"] = True
    return [assignment(key, value) for key, value in settings.items()]
