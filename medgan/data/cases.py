"""What a training set is made of: cases, and the scans that make none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from medgan.scans import Found, Refused


@dataclass(frozen=True, eq=False)
class Case:
    """One person's scan to train on, with its label map where there is one.

    Parameters
    ----------
    id
        Unique in its folder, e.g. `hippocampus_001`; folders above it where there are several.
    """

    id: str
    image: Found
    label: Found | None = None


@dataclass(frozen=True)
class Unpaired:
    """A scan that makes no case, and why; the path is relative to the folder that was indexed."""

    path: str
    reason: str


@dataclass(frozen=True, eq=False)
class Cases:
    """What a folder holds for training.

    Parameters
    ----------
    pairs
        Cases in the order of their ids. With `label` None everywhere if there are no label maps.
    unpaired
        Scans left out, each named.
    refused
        Files that could not be read at all, as `discover` names them.
    """

    pairs: tuple[Case, ...]
    unpaired: tuple[Unpaired, ...] = ()
    refused: tuple[Refused, ...] = ()


def first_reason(unpaired: Iterable[Unpaired]) -> str:
    """Say which scan was left out first, and why."""
    for one in unpaired:
        return f"first: {one.path}: {one.reason}"
    return "nothing was left out"
