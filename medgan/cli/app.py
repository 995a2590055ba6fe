"""The commands, put together."""

from __future__ import annotations

from typing import Annotated

import typer

from medgan import __version__
from medgan.cli.demo import demo
from medgan.cli.detect import detect
from medgan.cli.doctor import doctor
from medgan.cli.evaluate import evaluate
from medgan.cli.export import export
from medgan.cli.inspect import inspect
from medgan.cli.pull import pull
from medgan.cli.push import push
from medgan.cli.restore import restore
from medgan.cli.run import run
from medgan.cli.status import status
from medgan.cli.synthesize import synthesize
from medgan.cli.train import train
from medgan.cli.validate import validate

app = typer.Typer(
    name="medgan",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(is_asked: bool) -> None:
    if is_asked:
        print(f"medgan {__version__}")
        raise typer.Exit


@app.callback()
def medgan(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Restore missing slices of CT and MR scans, and make virtual scans with GANs.

    Start with `medgan demo -o demo_output`, or with your own scans:

      medgan inspect scans/

      medgan restore scans/ -o restored/

    Exit codes: 0 all well, 1 nothing could be done, 2 wrong use or settings, 3 some scans failed
    or were refused (each is named), 130 interrupted (the same command goes on). Research use only,
    not for diagnosis.
    """


app.command("demo")(demo)
app.command("inspect")(inspect)
app.command("detect")(detect)
app.command("restore")(restore)
app.command("export")(export)
app.command("validate")(validate)
app.command("train")(train)
app.command("synthesize")(synthesize)
app.add_typer(evaluate)
app.command("run")(run)
app.command("status")(status)
app.command("doctor")(doctor)
app.command("pull")(pull)
app.command("push")(push)
