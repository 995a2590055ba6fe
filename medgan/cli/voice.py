"""How a command speaks: text for people, or one JSON document on stdout and all else on stderr."""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer

from medgan.errors import LOOK_FIRST, MedganError, printable

if TYPE_CHECKING:
    from medgan.pipeline import Progress

P = ParamSpec("P")

INTERRUPTED = 130

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, all else on stderr.")
]
Verbose = Annotated[
    bool, typer.Option("-v", "--verbose", help="Say more; name a traceback file on errors.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]


@dataclass(frozen=True)
class Voice:
    """What a command says, and where.

    Parameters
    ----------
    is_json
        One document on stdout at the end; text goes to stderr.
    """

    is_json: bool = False
    is_verbose: bool = False
    is_quiet: bool = False

    def say(self, text: str = "") -> None:
        """Print a line for people."""
        if not self.is_quiet:
            print(printable(text), file=sys.stderr if self.is_json else sys.stdout, flush=True)

    def warn(self, text: str) -> None:
        """Print a line of an error, whether or not anything else is said."""
        print(printable(text), file=sys.stderr, flush=True)

    def complain(self, error: MedganError) -> None:
        """Print an error that does not end the command."""
        _print_error(error)

    def document(self, document: Any) -> None:
        """Print the document that `--json` asks for."""
        if self.is_json:
            print(json.dumps(document, indent=2, allow_nan=False), flush=True)

    def progress(self) -> Progress:
        """Return a display for a pipeline run."""
        from rich.console import Console

        from medgan.pipeline import Progress

        if self.is_quiet:
            return Progress.silent()
        return Progress(Console(stderr=self.is_json), is_verbose=self.is_verbose)


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a command raises into one message and the right exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        is_verbose = bool(kwargs.get("verbose"))
        if not is_verbose:
            warnings.simplefilter("ignore")
            os.environ.setdefault("PYTHONWARNINGS", "ignore")  # for child processes
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in pipeline/machine.py
        try:
            command(*args, **kwargs)
        except (typer.Exit, typer.BadParameter, BrokenPipeError):
            raise
        except MedganError as error:
            _tell(error, is_json=bool(kwargs.get("json")), is_verbose=is_verbose)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            print("\ninterrupted: the same command goes on from here", file=sys.stderr)
            raise typer.Exit(INTERRUPTED) from None
        # A boundary: a fault nobody foresaw is told in one line, with a way to report it.
        except Exception as error:
            unforeseen = MedganError(
                f"internal error ({type(error).__name__}): this is a fault of the program",
                hint=LOOK_FIRST
                if is_verbose
                else f"Run it again with -v, and report the traceback file that it names. "
                f"{LOOK_FIRST}",
            )
            _tell(unforeseen, is_json=bool(kwargs.get("json")), is_verbose=is_verbose)
            raise typer.Exit(1) from None

    return run


def _tell(error: MedganError, *, is_json: bool, is_verbose: bool) -> None:
    _print_error(error)
    if is_verbose:
        print(f"  trace: {_trace_file()}", file=sys.stderr)
    if is_json:
        fault = {"what": error.what, "where": error.where, "hint": error.hint}
        print(json.dumps({"error": fault}, indent=2))


def _print_error(error: MedganError) -> None:
    for head, text in (("error", error.what), ("  where", error.where), ("  try", error.hint)):
        if text:
            print(f"{head}: {printable(text)}", file=sys.stderr)


def _trace_file() -> Path:
    """Write the traceback in hand to a file of its own."""
    descriptor, name = tempfile.mkstemp(prefix="medgan-trace-", suffix=".txt")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        traceback.print_exc(file=stream)
    return Path(name)
