"""`medgan evaluate synthetic`: virtual scans beside what real scans reach."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import DataError, UsageError

if TYPE_CHECKING:
    from medgan.evaluation.synthetic_report import SyntheticReport

FAULTS = ("collapse", "copies")
"""Of a verdict, as `--fail-on` names them."""
FOUND_FAULT = 3


@guarded
def synthetic(
    real: Annotated[Path, typer.Argument(help="Folder of real scans, best held-out ones.")],
    fake: Annotated[Path, typer.Argument(help="Folder of virtual scans.")],
    train: Annotated[
        Path | None, typer.Option(help="Folder of the scans that the model was trained on.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Model folder: its hashes tell what it was trained on.")
    ] = None,
    utility: Annotated[
        bool, typer.Option("--utility", help="Also train small U-Nets on both sides: minutes.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of random halves and subsets.")] = 0,
    fail_on: Annotated[
        str | None,
        typer.Option(
            "--fail-on",
            metavar="collapse,copies",
            help="Exit code 3 if the verdict says so, or values are not finite; for scripts.",
        ),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Compare virtual scans with real ones; every figure beside its real-against-real floor.

    Kernel distances, two-sample tests and coverage also stand beside those of a linear prior of
    the training scans, the bar for any generator; ± is the standard error. Also searches for copies
    of training scans, and ends with a sentence for a paper.

    For example:

      medgan evaluate synthetic held_out/ virtual/ --train training/

      medgan evaluate synthetic scans/ virtual/ --model run/
    """
    from medgan.assessment.virtual import Sides, judge_synthetic
    from medgan.record import finite

    voice = Voice(json, verbose, quiet)
    faults = split_faults(fail_on)
    sides = Sides(train=str(train) if train else None, model=model, seed=seed, utility=utility)
    report = judge_synthetic(real, fake, sides, voice.say if verbose else lambda text: None)
    voice.document(finite(report.as_json()))
    for line in report_lines(report):
        voice.say(line)
    is_broken = bool(faults) and not report.verdict.finite
    if is_broken or any(getattr(report.verdict, fault) for fault in faults):
        raise typer.Exit(FOUND_FAULT)
    if "copies" in faults and are_copies_missed(report):
        voice.complain(
            DataError(
                "copies cannot be told: a test image equals a training image",
                where="--fail-on copies",
                hint="Give real scans that the model was not trained on.",
            )
        )
        raise typer.Exit(FOUND_FAULT)


def are_copies_missed(report: SyntheticReport) -> bool:
    """Whether the threshold of copies is so high that no image can reach it."""
    from medgan.evaluation.synthetic import SAME_IMAGE

    return report.copy_threshold > SAME_IMAGE


def split_faults(text: str | None) -> list[str]:
    """Split `collapse,copies`; nothing for None.

    Raises
    ------
    UsageError
        For a word that no verdict knows.
    """
    faults = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and (not faults or not set(faults) <= set(FAULTS)):
        raise UsageError(
            f"expected {' or '.join(FAULTS)}",
            where=f"--fail-on {text}",
            hint="Example: --fail-on collapse,copies",
        )
    return faults


def report_lines(report: SyntheticReport) -> list[str]:
    """Lay out an evaluation of virtual scans."""
    from medgan.evaluation.synthetic_report import ARROWS, with_error

    lines = [f"{'figure':<16}{'virtual':>14}{'real':>14}{'prior':>14}  good  what it is"]
    lines += [
        f"{f.name:<16}{with_error(f.value, f.se):>14}{with_error(f.floor, f.floor_se):>14}"
        f"{with_error(f.prior, f.prior_se):>14}  {ARROWS[f.good]:<4}  {f.meaning}"
        for f in report.figures
    ]
    lines += [f"warning: {text}" for text in report.warnings]
    lines += [f"copy: {copy.name} of {copy.source}" for copy in report.copies]
    verdict = report.verdict
    lines.append(
        f"finite: {_yes(verdict.finite)}, collapse: {_yes(verdict.collapse)}, "
        f"copies: {_yes(verdict.copies)}"
    )
    return [*lines, "", report.sentence]


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
