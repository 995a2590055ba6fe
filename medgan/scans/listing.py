"""What lies below a path: scans that can be loaded, what was refused, what was set aside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.scans.grid import Grid
from medgan.scans.scan import Gap, Source, runs

LIST_AGAIN = "List the folder again: it has changed."
"""Hint of every error about a file that is not what it was when it was listed."""


@dataclass(frozen=True, eq=False)
class Found:
    """One scan as seen from its headers (and, for NIfTI, its constant slices).

    Everything `medgan inspect` prints, and all that `load_found` needs to read it again. It holds
    no pixels and no patient text, so that it can cross a process border.

    Parameters
    ----------
    id
        Relative folder and safe name, unique within the listing.
    kind
        `image`, or `label` for a label map (listed, never filled).
    empty_ends
        Positions at either end whose slices are constant: reported, left alone.
    damaged
        Positions whose file exists but cannot be decoded; they are missing too.
    expected_images
        How many slices the header of a DICOM series speaks of, where that is more than there is
        room for between its ends; else None.
    holds_made
        A volume file in which medgan made slices or voxels, as its header and its mask say.
    """

    id: str
    kind: str
    format: str
    modality: str
    grid: Grid
    axis: int
    present: NDArray[np.bool_]
    source: Source
    n_files: int
    instances: tuple[int | None, ...] = ()
    empty_ends: tuple[int, ...] = ()
    damaged: tuple[int, ...] = ()
    notes: tuple[str, ...] = field(default=())
    expected_images: int | None = None
    holds_made: bool = False

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """Runs of missing positions, ascending."""
        return runs(~self.present)

    @property
    def missing(self) -> tuple[int, ...]:
        """Positions without a slice, ascending."""
        return tuple(int(p) for p in np.flatnonzero(~self.present))

    @property
    def missing_instances(self) -> tuple[int, ...]:
        """Instance numbers the missing slices must have had; empty where they cannot be told."""
        return missing_instances(self.instances, self.present)

    @property
    def lost_at_ends(self) -> tuple[int, int]:
        """How many slices are missing before the first and after the last one; 0, 0 if untold.

        Told where the header says how many there should be, and the instance numbers count along
        the stack from 1 on, so that they say at which end the others were.
        """
        if self.expected_images is None or not self.instances:
            return 0, 0
        numbers = {at: n - at for at, n in enumerate(self.instances) if n is not None}
        falling = {at: n + at for at, n in enumerate(self.instances) if n is not None}
        last, expected = self.present.size - 1, self.expected_images
        before = after = -1
        if len(set(numbers.values())) == 1:
            (first,) = set(numbers.values())
            before, after = first - 1, expected - (first + last)
        elif len(set(falling.values())) == 1:
            (first,) = set(falling.values())
            before, after = expected - first, first - last - 1
        return (before, after) if min(before, after) >= 0 else (0, 0)

    @property
    def ruler(self) -> str:
        """One character a position: `|` slice, `.` missing, `x` damaged, `_` empty end."""
        marks = np.where(self.present, "|", ".")
        marks[list(self.empty_ends)] = "_"
        marks[list(self.damaged)] = "x"
        return "".join(marks)

    def as_json(self) -> dict[str, object]:
        """Return the document `medgan inspect --json` prints for one scan."""
        return {
            "id": self.id,
            "kind": self.kind,
            "format": self.format,
            "modality": self.modality,
            "shape": list(self.grid.shape),
            "spacing_mm": [round(s, 6) for s in self.grid.spacing_mm],
            "orientation": self.grid.orientation,
            "affine": self.grid.affine.tolist(),
            "axis": self.axis,
            "missing": list(self.missing),
            "missing_instances": list(self.missing_instances),
            "damaged": list(self.damaged),
            "empty_ends": list(self.empty_ends),
            "n_files": self.n_files,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Refused:
    """Files that should make a scan but cannot be trusted to; a named failure (exit code 3)."""

    files: tuple[Path, ...]
    reason: str


@dataclass(frozen=True)
class SetAside:
    """Files that are no stack of slices (single slices, localizers, mosaics, stray files)."""

    files: tuple[Path, ...]
    reason: str


@dataclass(frozen=True)
class Listing:
    """Everything below one path, each file accounted for exactly once."""

    root: Path
    scans: tuple[Found, ...]
    refused: tuple[Refused, ...]
    set_aside: tuple[SetAside, ...]

    @property
    def images(self) -> tuple[Found, ...]:
        """Scans that are images, label maps left out."""
        return tuple(found for found in self.scans if found.kind == "image")

    def name_of(self, file: Path) -> str:
        """Return what a file is called below the root; see `name_below`."""
        return name_below(self.root, file)

    def as_json(self) -> dict[str, object]:
        """Return the document `medgan inspect --json` prints; paths are relative to the root."""
        name = self.name_of
        return {
            "scans": [found.as_json() for found in self.scans],
            "refused": [
                {"files": [name(f) for f in r.files], "reason": r.reason} for r in self.refused
            ],
            "set_aside": [
                {"files": [name(f) for f in s.files], "reason": s.reason} for s in self.set_aside
            ],
        }


def name_below(root: Path, file: Path) -> str:
    """Return the path of a file below a root, or beside a file; its mere name if it lies apart.

    Bytes that are no UTF-8 come out as escapes, so that every file that holds it can be read.
    """
    base = root if root.is_dir() else root.parent
    name = file.relative_to(base).as_posix() if file.is_relative_to(base) else file.name
    return name.encode("utf-8", "backslashreplace").decode()


def positions_in_words(positions: Sequence[int]) -> str:
    """Write positions with runs joined: `12, 40-44`."""
    parts: list[list[int]] = []
    for position in sorted(positions):
        if parts and position == parts[-1][-1] + 1:
            parts[-1].append(position)
        else:
            parts.append([position])
    return ", ".join(str(p[0]) if len(p) == 1 else f"{p[0]}-{p[-1]}" for p in parts)


def missing_instances(
    instances: tuple[int | None, ...], present: NDArray[np.bool_]
) -> tuple[int, ...]:
    """Work out the instance numbers of missing positions from those of their neighbours.

    Only where the numbers on both sides of a gap count evenly across it; otherwise the numbers
    have no spatial meaning (PS3.3 C.7.6.1.1.1) and nothing is said.
    """
    numbers: list[int] = []
    for gap in runs(~present):
        before, after = gap.first - 1, gap.first + gap.length
        if before < 0 or after >= len(instances):
            continue
        a, b = instances[before], instances[after]
        if a is None or b is None or abs(b - a) != gap.length + 1:
            continue
        step = 1 if b > a else -1
        numbers += [a + step * (n + 1) for n in range(gap.length)]
    return tuple(numbers)
