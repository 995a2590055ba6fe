"""`medgan train`: a recipe and a folder of scans to a model folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from medgan.cli.drive import Assignments, Device
from medgan.cli.voice import INTERRUPTED, Json, Quiet, Verbose, Voice, guarded
from medgan.errors import MedganError, StageError, UsageError

if TYPE_CHECKING:
    from medgan.pipeline.training import Trained


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

    A run folder that was started with other settings or other scans is refused. Ctrl-C, SIGTERM
    and SIGUSR1 save and leave; the same command goes on, to the same weights as an unbroken run on
    a CPU. Started by torchrun or srun, several processes train one model, batch_size samples each.

    For example:

      medgan train synthesize/dcgan_3d -o run/ --data labelled/

      medgan train restore/slices_faithful -o run/ --data scans/

      medgan train synthesize/dcgan_2d -o run/ --data scans/ --set train.steps=500

      medgan train synthesize/template -o run/ --data labelled/

      torchrun --nproc-per-node 2 -m medgan train restore/slices_faithful -o run/ --data scans/
    """
    if data is None:
        raise UsageError(
            "there is nothing to train on",
            where="--data",
            hint="Name a folder of complete scans with --data; `medgan demo` makes one.",
        )
    from medgan.pipeline.recipes import read_recipe, steps_of
    from medgan.pipeline.training import teller, train_model
    from medgan.training.interruption import handled, raise_interrupt
    from medgan.training.processes import find_processes

    processes = find_processes(os.environ)
    voice = Voice(json and processes.is_first, verbose, quiet or not processes.is_first)
    try:
        with handled(raise_interrupt):
            recipe = read_recipe(config, assignments or [])
            trained = train_model(
                recipe,
                data,
                out,
                device=device,
                processes=processes,
                progress=teller(voice.say, steps_of(recipe)),
            )
    # What ends all processes alike is told by the first of them. What befalls only one, such as a
    # lack of memory, is a StageError, and told by that one.
    except KeyboardInterrupt:
        if processes.is_first:
            raise
        raise typer.Exit(INTERRUPTED) from None
    except MedganError as error:
        if processes.is_first or isinstance(error, StageError):
            raise
        raise typer.Exit(error.exit_code) from None
    _tell(voice, trained)


def _tell(voice: Voice, trained: Trained) -> None:
    """Say what a training came to."""
    for name, reason in trained.left_out.items():
        if voice.is_verbose:
            voice.say(f"left out: {name}: {reason}")
    for alarm in trained.alarms:
        voice.say(f"alarm: {alarm}")
    if trained.info.notice:
        voice.say(f"note: {trained.info.notice}")
    compared = trained.info.training.get("compared", [])
    for said in compared:
        voice.say(f"compared: {said}")
    if trained.wait_share:
        voice.say(trained.waited)
    state = "finished" if trained.is_finished else "not finished, the same command goes on"
    name = trained.info.name
    voice.say(f"wrote {trained.folder} ({name}, {trained.n_steps} steps, {state})")
    voice.document(
        {
            "model": str(trained.folder),
            "name": name,
            "sha256": trained.info.weights_sha256,
            "steps": trained.n_steps,
            "finished": trained.is_finished,
            "alarms": list(trained.alarms),
            "left_out": trained.left_out,
            "compared": compared,
            "wait_share": trained.wait_share,
        }
    )
