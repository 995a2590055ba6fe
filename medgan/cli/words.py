"""Lists that a person writes in one word: formats, positions."""

from __future__ import annotations

import re

from medgan.errors import UsageError

FORMATS = ("nifti", "dicom", "bids")
"""What real scans can be written as."""


def split_formats(text: str, known: tuple[str, ...]) -> list[str]:
    """Split `nifti,dicom`.

    Raises
    ------
    UsageError
        For a format that is not known.
    """
    formats = [part.strip().lower() for part in text.split(",") if part.strip()]
    strange = [part for part in formats if part not in known]
    if strange or not formats:
        raise UsageError(
            f"unknown format {', '.join(strange) or '(none)'}",
            where=f"--format {text}",
            hint=f"Formats are {', '.join(known)}, separated by commas.",
        )
    return formats


def parse_positions(text: str, option: str = "--missing") -> list[int]:
    """Read `12,13,40-44` as ascending positions.

    Raises
    ------
    UsageError
        If it is no such list.
    """
    positions: set[int] = set()
    for part in text.replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise UsageError(
                f"expected positions, found {part!r}",
                where=f"{option} {text}",
                hint=f"Example: {option} 12,13,40-44",
            )
        stop = int(last) if dash else int(first)
        if stop < int(first) or stop - int(first) > 100_000:
            raise UsageError(
                f"{part} is no range",
                where=f"{option} {text}",
                hint=f"Example: {option} 12,13,40-44",
            )
        positions.update(range(int(first), stop + 1))
    return sorted(positions)


def parse_damaged(text: str) -> str | list[int]:
    """Read the positions of damaged slices, or `auto`: those that are found.

    Raises
    ------
    UsageError
        If it is neither.
    """
    return text if text == "auto" else parse_positions(text, "--damaged")


def parse_effort(text: str) -> str:
    """Check what `--adapt` may take: seconds (`30s`) or steps (`100`).

    Raises
    ------
    UsageError
        If it is neither.
    """
    if not re.fullmatch(r"[1-9]\d{0,5}s?", text, re.ASCII):
        raise UsageError(
            f"expected seconds or steps, found {text!r}",
            where=f"--adapt {text}",
            hint="Examples: --adapt 30s, --adapt 100",
        )
    return text
