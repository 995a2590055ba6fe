"""What dciodvfy (Debian: dicom3tools) says of a DICOM file, where it is installed."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

PROGRAM = "dciodvfy"
ALLOWED = "(0x0008,0x001c)"
"""Synthetic Data (0008,001C): dictionaries of 2022 do not have it. Nothing else is let pass."""

TIME_LIMIT_S = 60.0
_QUOTES = re.compile(r"[<\[=\"]")
_NAMES = re.compile(r"(?:Element=|Module=|attribute )<([^>]*)>|(\(0x[0-9a-f]{4},0x[0-9a-f]{4}\))")


def is_installed() -> bool:
    """Whether there is anything to ask."""
    return shutil.which(PROGRAM) is not None


@cache
def errors_of(path: Path) -> frozenset[str]:
    """Return the errors it finds in a file, values left out: they may be a person's name.

    A file that it cannot judge in a minute, or that makes it crash, counts as one error.
    """
    try:
        done = subprocess.run(
            [PROGRAM, str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return frozenset({f"Error - {PROGRAM} was not done within {TIME_LIMIT_S:g} s"})
    if done.returncode < 0:
        return frozenset({f"Error - {PROGRAM} was ended by signal {-done.returncode}"})
    lines = (done.stdout + done.stderr).splitlines()
    said = (line for line in lines if line.startswith("Error") and ALLOWED not in line)
    return frozenset(map(_without_values, said))


def new_errors(path: Path, source: Path | None) -> list[str]:
    """Return the errors of a file that the file it was made from does not have."""
    known = frozenset() if source is None else errors_of(source)
    return sorted(errors_of(path) - known)


def _without_values(line: str) -> str:
    """Keep what a message says until it quotes anything, and the elements it is about."""
    said = _QUOTES.split(line, maxsplit=1)[0]
    names = [name or tag for name, tag in _NAMES.findall(line)]
    return ": ".join([" ".join(said.split()), *dict.fromkeys(n for n in names if n not in said)])
