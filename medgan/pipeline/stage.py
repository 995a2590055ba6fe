"""The nouns of a pipeline: what a stage is, and what it is given and gives.

Three kinds. A *source* lists items (scans below a folder, virtual cases to make) and opens them
one by one. *Per-scan* stages follow it; all of them work on an item in one child, so that no
voxel crosses a process border. *Per-run* stages (train, evaluate, report) work once, on what all
items before them came to. Each is a plain function beside its settings, named in `table.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from medgan.pipeline.state_files import part_file
from medgan.record import ScanRecord
from medgan.scans import Found, Scan
from medgan.settings import Settings

if TYPE_CHECKING:
    from medgan.models import ModelInfo
    from medgan.synthesis import VirtualCase

STATE = ".medgan"
"""Folder below the output folder that holds the ledger, the lock, traces and pictures."""

SAID = "said.log"
"""Below it: lines that stages say while they work."""

ALL = frozenset({"*"})
"""For `PerRun.reads`: the settings of every stage, and the command line."""


@dataclass(frozen=True)
class Context:
    """Where and on what a run works: no part of a key, the salt aside, since it changes no result.

    Parameters
    ----------
    input
        The file or folder the person named; None where the pipeline needs none.
    out
        Output folder; the only place that is written to.
    device
        `auto`, `cpu`, `cuda` or `cuda:n`.
    threads
        Threads one child may use.
    part
        Name of the shard, e.g. `shard-2-of-4`; empty: the whole run.
    staged_by
        Name of the Dask worker, which stages files in a folder of its own; empty: all in one.
    salt
        Secret that pseudonyms are made with; empty: nothing is de-identified. A hash of it is part
        of every key.
    """

    input: Path | None
    out: Path
    device: str = "auto"
    threads: int = 1
    part: str = ""
    staged_by: str = ""
    salt: str = field(default="", repr=False)

    @property
    def state(self) -> Path:
        """The folder for what is no result."""
        return self.out / STATE

    def say(self, text: str) -> None:
        """Tell a person how a long stage is getting on; the driver shows new lines as they come."""
        with part_file(self.state, SAID, self.part).open("a", encoding="utf-8") as stream:
            stream.write(f"{text}\n")


@dataclass(frozen=True, eq=False)
class Item:
    """One thing a source has listed; it crosses the border to a child.

    Parameters
    ----------
    id
        Unique in its group; names the unit in progress lines and in the ledger.
    payload
        What the source needs to open it.
    facts
        Plain JSON that the result depends on, what matters of the source's settings included;
        part of the key. How many items there are beside it does not matter, and stays out.
    files
        Input files; their content is part of the key.
    records
        What is known before the work starts: what becomes of scans that fail.
    series
        What tells its content from any other without reading it (Series Instance UID); may be
        empty. Never written anywhere.
    secrets
        Words that must not be told of it where the run de-identifies.
    """

    id: str
    payload: Any
    facts: dict[str, Any]
    files: tuple[Path, ...]
    records: tuple[ScanRecord, ...]
    series: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True)
class Listed:
    """What a source found: items to work on, and records of scans that need no work.

    Parameters
    ----------
    records
        Scans that are complete, and files that were refused (as failures).
    notes
        What else a person should know (set aside, unpaired), as plain JSON for the report.
    facts
        Plain JSON for later stages, e.g. which model makes the virtual cases.
    """

    items: tuple[Item, ...]
    records: tuple[ScanRecord, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Volume:
    """One volume on its way through the stages of one child.

    Parameters
    ----------
    measured
        As read, positions and voxels to be filled over taken out: what must come back bit for
        bit. None for a virtual case. Where thin slices are made of thick ones, nothing comes back
        so, and it is the thick scan until then, and what was made of it after; likewise where every
        slice is corrected.
    scan
        As it stands after the last stage.
    case, model
        A virtual case with its labels, and what made it; None for a real scan.
    marked
        `(i, j, k)` bool voxels inside slices to fill, or None.
    n_thin
        Thin slices to make of every one, where they are averages over their thickness; else 1.
    is_label
        A label map: converted, never filled.
    image
        The image that a label map was drawn on, where it is known.
    before
        As read, where every slice was changed since; else None.
    """

    measured: Scan | None
    scan: Scan
    record: ScanRecord
    case: VirtualCase | None = None
    model: ModelInfo | None = None
    marked: NDArray[np.bool_] | None = None
    n_thin: int = 1
    is_label: bool = False
    image: Found | None = None
    before: Scan | None = None


@dataclass(frozen=True, eq=False)
class Work:
    """One item between two per-scan stages: its volume, or the volumes of one 4D file.

    Parameters
    ----------
    outputs
        Files written so far below `Context.out`, which is a staging folder to a per-scan stage:
        nothing reaches the real one before the last stage is done.
    """

    id: str
    volumes: tuple[Volume, ...]
    outputs: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Done:
    """What the stages before a per-run stage came to.

    Parameters
    ----------
    records
        One per scan or virtual case, in listed order.
    notes
        As the sources listed them.
    facts
        Stage name to the JSON it left for later stages, e.g. where `train` put its model.
    keys
        Keys of all units before, which the key of the stage depends on.
    pipeline
        Resolved settings of the stages that a per-run stage `reads`, by name; plain JSON.
    command
        Command line that makes this run again, paths by their last names; for a stage that reads
        all.
    """

    records: tuple[ScanRecord, ...] = ()
    notes: tuple[dict[str, Any], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    keys: tuple[str, ...] = ()
    pipeline: dict[str, Any] = field(default_factory=dict)
    command: str = ""


@dataclass(frozen=True)
class Left:
    """What a per-run stage leaves: files, and plain JSON for the stages after it."""

    outputs: tuple[Path, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


def _no_files(settings: Any, context: Context) -> tuple[Path, ...]:
    return ()


def _nothing(settings: Any, context: Context) -> None:
    return None


@dataclass(frozen=True)
class Source:
    """A stage that lists items and opens them.

    Parameters
    ----------
    version
        Raised whenever the code changes what comes out.
    list_items
        Cheap, in the driver: no pixels, no torch.
    open_item
        In the child; yields one `Work` per scan or virtual case.
    load
        Once per child, before the clock of the time limit starts.
    files
        Further input files (weights, configs) whose content is part of every key.
    """

    name: str
    version: int
    settings: type[Settings]
    list_items: Callable[[Any, Context, Done], Listed]
    open_item: Callable[[Item, Any, Context, Any], Iterator[Work]]
    load: Callable[[Any, Context], Any] = _nothing
    files: Callable[[Any, Context], tuple[Path, ...]] = _no_files


@dataclass(frozen=True)
class PerScan:
    """A stage that takes one scan a step further; parameters as in `Source`."""

    name: str
    version: int
    settings: type[Settings]
    run: Callable[[Work, Any, Context, Any], Work]
    load: Callable[[Any, Context], Any] = _nothing
    files: Callable[[Any, Context], tuple[Path, ...]] = _no_files


@dataclass(frozen=True)
class PerRun:
    """A stage that works once, on what came before; parameters as in `Source`.

    Parameters
    ----------
    reads
        Stages whose settings it looks at, beside its own; `ALL` for the report. It is given no
        others, so that a change of theirs cannot make its result out of date.
    is_always_run
        Also after a stage that failed: the report.
    is_light
        Quick and harmless: done in the driver, which saves the start of a child.
    """

    name: str
    version: int
    settings: type[Settings]
    run: Callable[[Done, Any, Context], Left]
    files: Callable[[Any, Context], tuple[Path, ...]] = _no_files
    reads: frozenset[str] = frozenset()
    is_always_run: bool = False
    is_light: bool = False


Stage = Source | PerScan | PerRun
