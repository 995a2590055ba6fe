"""`medgan evaluate membership`: what a model's weights tell of the scans it was fitted to."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded

if TYPE_CHECKING:
    from medgan.assessment.membership import MembershipReport

TOLD_TOO_MUCH = 3


@guarded
def membership(
    model: Annotated[str, typer.Argument(help="Model folder made by `medgan train`.")],
    data: Annotated[
        Path, typer.Argument(help="Folder it was trained from, with held-out scans in it.")
    ],
    *,
    at_most: Annotated[
        int, typer.Option(min=6, help="Cases of each sort; each takes seconds.")
    ] = 60,
    fail_above: Annotated[
        float | None,
        typer.Option(min=0.5, max=1, metavar="AUC", help="Exit code 3 if an AUC is larger."),
    ] = None,
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Tell training scans from unseen ones by the weights of a model, as a holder of it could.

    For each scan the nearest sample is looked for that the model can make (joint: image and labels;
    image; labels). Of a template it is also asked how odd the scan is to it, once aligned: how long
    the scores of its modes are, and how little of the rest its random fields explain. An AUC of 0.5
    tells nothing; 1 tells every training scan. Other attacks may tell more.

    For example:

      medgan evaluate membership run/ labelled/

      medgan evaluate membership run/ labelled/ --fail-above 0.6
    """
    from medgan.assessment.membership import judge_membership

    voice = Voice(json, verbose, quiet)
    report = judge_membership(model, data, at_most)
    voice.document(report.as_json())
    for line in membership_lines(report):
        voice.say(line)
    if fail_above is not None and report.worst > fail_above:
        raise typer.Exit(TOLD_TOO_MUCH)


def membership_lines(report: MembershipReport) -> list[str]:
    """Lay out what was found."""
    head = f"{'compared':<10}{'AUC':>7}{'s.e.':>7}{'median, trained on':>20}{'unseen':>10}"
    rows = [
        f"{one.name:<10}{one.auc:>7.2f}{one.se:>7.2f}{one.train_median:>20.4g}"
        f"{one.unseen_median:>10.4g}"
        for one in report.found
    ]
    end = f"{report.n_train} training cases and {report.n_unseen} unseen ones; 0.5 tells nothing"
    return [head, *rows, end]
