"""`medgan evaluate`: figures beside the classical methods, and beside what real scans reach."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from medgan.cli.drive import Device
from medgan.cli.evaluate_membership import membership
from medgan.cli.evaluate_synthetic import synthetic
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import UsageError

if TYPE_CHECKING:
    from medgan.restoration.truth import MethodScore

SOME_FAILED = 3

evaluate = typer.Typer(
    name="evaluate",
    no_args_is_help=True,
    help="Measure restored scans, virtual scans, or what hiding slices of your own scans tells.",
    rich_markup_mode=None,
)
evaluate.command("synthetic")(synthetic)
evaluate.command("membership")(membership)


@evaluate.command("restored")
@guarded
def restored(
    truth: Annotated[Path, typer.Argument(help="Complete scans, laid out as the input was.")],
    out: Annotated[Path, typer.Argument(help="Output folder of `medgan restore`.")],
    maps: Annotated[
        Path | None,
        typer.Option(
            help="Folder for difference maps: Parametric Map for DICOM, else NIfTI.",
        ),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Score filled slices against the truth, beside the classical methods.

    PSNR and SSIM are over the filled slices only, in the range P0.5 to P99.5 of the complete scan.
    Restored scans that have no truth, or one that does not fit, are named (exit code 3).

    For example:

      medgan evaluate restored complete/ restored/

      medgan evaluate restored complete/ restored/ --maps differences/
    """
    from medgan.assessment.restored import judge_restored

    voice = Voice(json, verbose, quiet)
    judged = judge_restored(truth, out, voice.say if verbose else _nothing, maps)
    _show(voice, _document(judged.scores, judged.unscored), is_mixed=False)
    if maps is not None:
        voice.say(f"wrote difference maps to {maps}")
    if judged.unscored:
        raise typer.Exit(SOME_FAILED)


@evaluate.command("hide")
@guarded
def hide(
    path: Annotated[Path, typer.Argument(help="Complete scans of your own.")],
    model: Annotated[
        str, typer.Option(help="Model folder, a shipped model by name, or none.")
    ] = "slices-faithful",
    protocol: Annotated[
        str,
        typer.Option(
            metavar="x2,gap1,gap4",
            help="xS keeps every S-th slice, gapG takes G slices from the middle.",
        ),
    ] = "x2,gap1,gap2,gap4",
    out: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Folder for scores (CSV, JSON) and pictures."),
    ] = None,
    device: Device = "auto",
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Take slices away from your own scans, restore and score them.

    The mixture is what `medgan restore` would have filled in, or, in gaps that it would refuse as
    too wide to be tried out, what it fills in with --force. What could not be scored is named
    (exit code 3). Nothing is written without -o; with
    it, hidden.csv, hidden.json, and a picture of the worst slice of each scan and protocol.

    For example:

      medgan evaluate hide scans/

      medgan evaluate hide scans/ -o proof/ --protocol x2,gap1,gap2,gap4

      medgan evaluate hide scan.nii.gz --protocol gap1,gap2 --model none
    """
    from medgan.assessment.hidden import (
        Unscored,
        check_output,
        draw_worst,
        judge_hidden,
        write_scores,
    )
    from medgan.pipeline.device import pick_device
    from medgan.restoration import RestoreSettings, load_fillers

    voice = Voice(json, verbose, quiet)
    protocols = split_protocols(protocol)
    if out is not None:
        check_output(path, out)
    fillers = load_fillers(RestoreSettings(model=model), pick_device(device))
    scores: list[MethodScore] = []
    unscored: list[tuple[str, str]] = []
    for hidden in judge_hidden(path, protocols, fillers, voice.say if verbose else _nothing):
        if isinstance(hidden, Unscored):
            unscored.append((hidden.name, hidden.reason))
            continue
        scores += hidden.result.methods
        if out is not None:
            draw_worst(hidden, out)
    document = _document(scores, unscored)
    _show(voice, document)
    if out is not None:
        write_scores(document, out)
        voice.say(f"wrote {out}/hidden.csv, hidden.json and pictures of the worst slices")
    if unscored:
        raise typer.Exit(SOME_FAILED)


def split_protocols(text: str) -> list[str]:
    """Split `x2,gap1`.

    Raises
    ------
    UsageError
        For a word that is no protocol.
    """
    protocols = [part.strip() for part in text.split(",") if part.strip()]
    if not protocols:
        raise UsageError("no protocol named", where="--protocol", hint="Example: x2,gap1,gap4")
    for one in protocols:
        number = one.removeprefix("gap") if one.startswith("gap") else one.removeprefix("x")
        if number == one or not number.isdecimal() or not 1 <= int(number) <= 64:
            raise UsageError(
                f"unknown protocol {one}",
                where=f"--protocol {text}",
                hint="Examples: x2 (every second slice is kept), gap3 (three slices are taken).",
            )
        if one == "x1":
            raise UsageError("x1 takes nothing away", where=f"--protocol {text}", hint="Use x2.")
    return protocols


def table_lines(rows: Sequence[dict[str, Any]], *, is_mixed: bool = True) -> list[str]:
    """Lay out mean scores: one line per protocol and method.

    Parameters
    ----------
    is_mixed
        Whether methods have weights: they have none where a finished scan is scored.
    """
    head = f"{'protocol':<12}{'method':<18}{'scans':>6}{'PSNR dB':>9}{'SSIM':>8}"
    weights = [f"{number(row['weight'], 2):>8}" if is_mixed else "" for row in rows]
    lines = [_row(row) + weight for row, weight in zip(rows, weights, strict=True)]
    return [head + (f"{'weight':>8}" if is_mixed else ""), *lines]


def number(value: float | None, digits: int) -> str:
    """Write a figure, or a dash where it is not known."""
    return "-" if value is None or value != value else f"{value:.{digits}f}"


def _row(row: dict[str, Any]) -> str:
    return (
        f"{row['protocol']:<12}{row['method']:<18}{row['n_scans']:>6}"
        f"{number(row['psnr_db'], 2):>9}{number(row['ssim'], 3):>8}"
    )


def _document(
    scores: Sequence[MethodScore], unscored: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    from medgan.assessment.mean_scores import mean_scores
    from medgan.record import finite

    left_out = [{"scan": name, "reason": reason} for name, reason in unscored]
    document: dict[str, Any] = finite(
        {"mean": mean_scores(scores), "scans": list(scores), "unscored": left_out}
    )
    return document


def _show(voice: Voice, document: dict[str, Any], *, is_mixed: bool = True) -> None:
    voice.document(document)
    for line in table_lines(document["mean"], is_mixed=is_mixed):
        voice.say(line)
    for one in document["unscored"]:
        voice.say(f"not scored: {one['scan']}: {one['reason']}")


def _nothing(text: str) -> None:
    return None
