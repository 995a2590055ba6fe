"""`medgan train`: a recipe and a folder of scans to a model folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from medgan.cli.drive import Assignments, Device
from medgan.cli.voice import Json, Quiet, Verbose, Voice, guarded
from medgan.errors import UsageError


@guarded
def train(
    config: Annotated[
        str, typer.Argument(help="A recipe: a YAML file, or a name like synthesize/dcgan_3d.")
    ],
    *,
    out: Annotated[
        Path, typer.Option("-o", "--output", help="Run folder; becomes the model folder.")
    ],
    data: Annotated[
        Path | None, typer.Option(help="Folder of complete scans, with label maps if wanted.")
    ] = None,
    assignments: Assignments = None,
    device: Device = "auto",
    json: Json = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
) -> None:
    """Train a model folder; a run that is there is taken up where it stands.

    A run folder that was started with other settings or other scans is refused. Ctrl-C saves and
    leaves; the same command goes on, to the same weights as an unbroken run on a CPU.

    For example:

      medgan train synthesize/dcgan_3d -o run/ --data labelled/

      medgan train restore/slices_faithful -o run/ --data scans/

      medgan train synthesize/dcgan_2d -o run/ --data scans/ --set train.steps=500

      medgan train synthesize/template -o run/ --data labelled/
    """
    voice = Voice(json, verbose, quiet)
    if data is None:
        raise UsageError(
            "there is nothing to train on",
            where="--data",
            hint="Name a folder of complete scans with --data; `medgan demo` makes one.",
        )
    from medgan.pipeline.training import n_steps, read_recipe, teller, train_model

    recipe = read_recipe(config, assignments or [])
    trained = train_model(
        recipe, data, out, device=device, progress=teller(voice.say, n_steps(recipe))
    )
    for name, reason in trained.left_out.items():
        if verbose:
            voice.say(f"left out: {name}: {reason}")
    for alarm in trained.alarms:
        voice.say(f"alarm: {alarm}")
    if trained.info.notice:
        voice.say(f"note: {trained.info.notice}")
    state = "finished" if trained.is_finished else "not finished, the same command goes on"
    voice.say(f"wrote {out} ({trained.info.name}, {trained.n_steps} steps, {state})")
    voice.document(
        {
            "model": str(out),
            "name": trained.info.name,
            "sha256": trained.info.weights_sha256,
            "steps": trained.n_steps,
            "finished": trained.is_finished,
            "alarms": list(trained.alarms),
            "left_out": trained.left_out,
        }
    )
