"""What a report says beside the records: how the run was asked for, and what it was made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Cell = str | int | float | None
Better = Literal["up", "down", ""]


@dataclass(frozen=True)
class Listed:
    """Files that made no scan, and why: refused, or set aside.

    Parameters
    ----------
    files
        Paths relative to the input folder.
    """

    files: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class ModelUse:
    """A model that took part.

    Parameters
    ----------
    sha256
        Of the weights, 64 hex digits.
    licence
        SPDX expression of the weights.
    """

    name: str
    sha256: str
    licence: str = ""


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    better
        Which direction is good: `up`, `down`, or empty where neither is.
    """

    name: str
    unit: str = ""
    better: Better = ""


@dataclass(frozen=True)
class Table:
    """Figures with a title: rows are methods or sets, the first cell names the row.

    Parameters
    ----------
    note
        How to read it: n, protocol, what the floor is.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""


@dataclass(frozen=True)
class ReportContext:
    """Everything on the page that is no record of a scan.

    Nothing in it may be patient text; paths are as the person gave them, or relative.

    Parameters
    ----------
    title
        Heading of the page.
    command
        Command line that makes this run again.
    settings
        Resolved settings, plain JSON.
    versions
        Program or package name to version; `medgan` among them.
    models
        Models that took part.
    refused, set_aside
        From the listing of the input; see `listed`.
    data_set
        Which real and virtual cases of an augmented data set are for what.
    synthesis
        Figures of virtual scans beside the real-against-real floor.
    gallery
        PNG paths relative to the output folder, e.g. real beside virtual.
    """

    title: str = "medgan report"
    command: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    models: tuple[ModelUse, ...] = ()
    refused: tuple[Listed, ...] = ()
    set_aside: tuple[Listed, ...] = ()
    data_set: Table | None = None
    synthesis: Table | None = None
    gallery: tuple[str, ...] = ()

    @property
    def is_proved(self) -> bool:
        """Whether outputs were read again and compared: only then may the page say so."""
        return "validate" in self.settings.get("stages", ())


def listed(document: Iterable[Mapping[str, Any]]) -> tuple[Listed, ...]:
    """Turn `Listing.as_json()["refused"]` or `["set_aside"]` into what the page shows."""
    return tuple(
        Listed(tuple(str(name) for name in entry["files"]), str(entry["reason"]))
        for entry in document
    )
