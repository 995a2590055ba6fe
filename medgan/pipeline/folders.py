"""The folders a person names for a run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

from medgan.errors import MedganError, UsageError, quoted
from medgan.pipeline.device import check_device
from medgan.pipeline.ledger import LEDGER
from medgan.pipeline.lock import BusyError
from medgan.pipeline.options import RunOptions
from medgan.pipeline.stage import Context
from medgan.scans.apart import check_apart


@contextlib.contextmanager
def no_trace_of_nothing(context: Context) -> Iterator[None]:
    """Leave no folder behind when a run ends before there was anything to write down.

    A shard leaves all as it is, and so does a run that met another one: others are at work there.
    """
    had_out, had_state = context.out.exists(), context.state.exists()
    try:
        yield
    except MedganError as error:
        is_alone = not (context.part or had_state or isinstance(error, BusyError))
        if is_alone and not (context.state / LEDGER).exists():
            shutil.rmtree(context.state, ignore_errors=True)
            if not had_out:
                with contextlib.suppress(OSError):
                    context.out.rmdir()
        raise


def place(input: Path | None, out: Path, options: RunOptions) -> Context:
    """Check the two paths a person named, and the device.

    Raises
    ------
    UsageError
        Before anything is written.
    """
    out = out.absolute()
    device = check_device(options.device)
    part = options.shard.name if options.shard else ""
    context = Context(input.absolute() if input else None, out, device, part=part)
    check_apart(input, out)
    strangers = [p for p in out.iterdir() if not p.name.startswith(".")] if out.is_dir() else []
    if strangers and not context.state.is_dir():
        raise UsageError(
            "the output folder holds files that medgan did not make, e.g. "
            f"{quoted(strangers[0].name)}",
            where=str(out),
            hint="Name a new or empty folder with -o.",
        )
    return context
