"""What is read and what is written must lie apart."""

from __future__ import annotations

from pathlib import Path

from medgan.errors import UsageError


def check_apart(input: Path | None, out: Path) -> None:
    """Refuse an output that is a file, lies inside the input, or has the input inside it.

    Raises
    ------
    UsageError
        Before anything is written.
    """
    if out.exists() and not out.is_dir():
        raise UsageError("the output is a file", where=str(out), hint="Name a folder with -o.")
    if input is None:
        return
    source, target = input.resolve(), out.resolve()
    if target.is_relative_to(source):
        raise UsageError(
            "the output folder lies inside the input, which is never written to",
            where=str(target),
            hint="Name a folder outside of the input with -o.",
        )
    if source.is_relative_to(target):
        raise UsageError(
            "the input lies inside the output folder",
            where=str(source),
            hint="Name another folder with -o, so that no input can be written over.",
        )
