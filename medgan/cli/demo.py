"""`medgan demo`: the whole chain on generated scans, or a person's own scans restored."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.drive import Device
from medgan.cli.how import Workers
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded

if TYPE_CHECKING:
    from medgan.pipeline.demo import DemoResult


@guarded
def demo(
    data: Annotated[
        Path | None,
        typer.Argument(metavar="[DATA]", help="Restore these scans instead of generated ones."),
    ] = None,
    *,
    out: Annotated[Path, typer.Option("-o", "--output", help="Output folder.")] = Path(
        "demo_output"
    ),
    model: Annotated[str, typer.Option(help="Restoration model.")] = "slices-faithful",
    device: Device = "auto",
    workers: Workers = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Show everything on generated scans: a few minutes on two cores, no download, no account.

    Scans of heads and bodies are generated, slices taken away and filled; a small GAN is trained
    for about a minute and makes virtual scans with labels. All as NIfTI and DICOM, with a page of
    pictures. With DATA, your own scans are restored instead, into OUTPUT/own_DATA.

    For example:

      medgan demo -o demo_output

      medgan demo scans/ -o demo_output
    """
    from medgan.pipeline import RunOptions
    from medgan.pipeline.demo import demo as show
    from medgan.pipeline.demo import own_folder

    voice = Voice(json, verbose, quiet)
    options = RunOptions(workers=workers, device=device)
    result = show(
        out, data=data, model=model, options=options, progress=voice.progress, say=voice.say
    )
    restored = out / "restored" if data is None else own_folder(data, out)
    for line in result_lines(result, out, restored):
        voice.say(line)
    voice.document(result.as_json())
    raise typer.Exit(result.exit_code)


def result_lines(result: DemoResult, out: Path, restored: Path) -> list[str]:
    """Say where everything lies, and what was gained.

    Parameters
    ----------
    restored
        Folder of the filled scans.
    """
    from medgan.pipeline.demo import mean_gain_db

    lines = ["", f"Filled scans:   {restored}"]
    if result.virtual is not None:
        lines.append(f"Virtual scans:  {out}/virtual")
    lines.append(f"Page:           {restored}/report.html")
    if result.virtual is not None:
        lines.append(f"Page:           {out}/virtual/report.html")
    if result.gains:
        lines += ["", "Filled slices against the truth, PSNR in dB:"]
        lines += [
            f"  {gain.scan:<32} linear {gain.linear_db:5.1f}   medgan {gain.restored_db:5.1f}   "
            f"gain {gain.gain_db:+.1f}"
            for gain in result.gains
        ]
        lines.append(f"  mean gain over linear interpolation: {mean_gain_db(result.gains):+.2f} dB")
    return [*lines, "", "Research use only, not for diagnosis."]
