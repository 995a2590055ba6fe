"""What a person asked to be made beyond what a scan's own gaps say: positions, ends, voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from medgan.errors import UsageError
from medgan.scans import Found, Restack, Scan, read_region
from medgan.settings import Settings

Factor = Literal[2, 3, 4]

WHOLE = 0.01
"""How far the ratio of two spacings may be from a whole number: headers round them."""


class Asked(Settings):
    """Base of the settings of `index`: what is to be made."""

    missing: tuple[int, ...] = ()
    """Zero-based positions to fill over, whatever they hold; for an input of one scan only."""
    damaged: Literal["auto"] | tuple[int, ...] = ()
    """Positions of damaged slices to fill over, as `missing`; auto: those that `medgan detect`
    finds in every scan, and every scan is taken on then."""
    insert: tuple[int, ...] = ()
    """Zero-based positions to open in a stack that another program closed up, as they will be
    numbered in the longer stack; for one NIfTI, NRRD or MetaImage scan only."""
    fill_ends: bool = False
    """Take slices that are missing at the ends for missing: constant ones in NIfTI and its like,
    those the header of a DICOM series counts, and those in `missing`. They are extrapolated."""
    mask: str = ""
    """File whose voxels that are not 0 are filled; for an input of one complete scan only."""
    upsample: Factor | None = None
    """Thin slices to make of every one."""
    spacing_mm: float | None = Field(None, gt=0)
    """The same as the distance between slices that is wanted; a half, third or quarter of the
    scan's."""
    slices: Literal["missing", "thick"] | None = None
    """What a slice is, where they are made thinner. missing: an exact sample, which comes back bit
    for bit; thick: an average over its thickness, which the thin slices agree with."""

    @property
    def is_thinner(self) -> bool:
        """Whether slices are to be made thinner."""
        return self.upsample is not None or self.spacing_mm is not None

    @property
    def is_for_one_scan(self) -> bool:
        """Whether something was asked that makes sense for one scan alone."""
        return bool(self.filled_over or self.insert or self.mask)

    @property
    def filled_over(self) -> tuple[int, ...]:
        """Positions that were named to be filled over, as missing or as damaged."""
        named = () if self.damaged == "auto" else self.damaged
        return tuple(sorted({*self.missing, *named}))


@dataclass(frozen=True, eq=False)
class Opened:
    """One scan with what was asked of it.

    Parameters
    ----------
    measured
        What must come back: new positions and those to fill over are missing.
    scan
        As read, with new positions; those to fill over are still there.
    marked
        `(i, j, k)` bool voxels to fill, or None.
    n_thin
        Thin slices to make of every thick one; 1 where slices are no averages.
    """

    measured: Scan
    scan: Scan
    marked: NDArray[np.bool_] | None = None
    n_thin: int = 1


def check_asked(asked: Asked) -> None:
    """Refuse what cannot be meant together.

    Raises
    ------
    UsageError
        Naming the options.
    """
    if asked.is_thinner and asked.slices is None:
        raise UsageError(
            "what a slice is was not said: an exact sample, or an average over its thickness",
            where="--upsample, --spacing",
            hint="Add --slices missing or --slices thick; docs/restoring.md says which.",
        )
    if asked.slices and not asked.is_thinner:
        raise UsageError(
            "--slices says what slices are when they are made thinner",
            where="--slices",
            hint="Add --upsample 2, 3 or 4, or --spacing MM.",
        )
    if asked.mask and not Path(asked.mask).is_file():
        raise UsageError(
            "there is no such file",
            where=f"--mask {Path(asked.mask).name}",
            hint="Name a NIfTI, NRRD or MetaImage file on the grid of the scan.",
        )
    together = {
        "--upsample and --spacing": asked.upsample is not None and asked.spacing_mm is not None,
        "--insert and --missing": bool(asked.insert and asked.missing),
        "--damaged and --insert, --mask, --upsample or --spacing": bool(asked.damaged)
        and (asked.is_thinner or bool(asked.insert or asked.mask)),
        "--mask and other options": bool(asked.mask)
        and (asked.is_thinner or bool(asked.insert or asked.missing or asked.fill_ends)),
        "thinner slices and other options": asked.is_thinner
        and bool(asked.insert or asked.missing or asked.fill_ends),
    }
    clash = next((names for names, is_so in together.items() if is_so), "")
    if clash:
        raise UsageError(
            f"{clash} cannot be combined",
            where=clash,
            hint="Do one thing, then give its result to the next run.",
        )


def apply_request(found: Found, asked: Asked, *, is_named: bool) -> Found:
    """Return how a scan is listed once everything asked for is missing.

    Parameters
    ----------
    is_named
        It is the one scan that `missing`, `insert` and `mask` are about.

    Raises
    ------
    UsageError
        If positions do not exist, or lie at the ends, a spacing is no whole share, or positions
        are to be opened in a stack whose own positions contradict that.
    """
    restack = _restack(found, asked, is_named=is_named)
    whole = found if restack is None else restack.found(found)
    notes = list(whole.notes)
    present = whole.present.copy()
    if asked.fill_ends:
        present[list(whole.empty_ends)] = False
        whole = replace(whole, empty_ends=())
        if found.expected_images is not None and restack is None:
            notes.append(
                "the instance numbers do not say at which end slices are missing: none were added"
            )
    if asked.insert and is_named:
        notes.append(
            f"positions {list(asked.insert)} were opened on request: the stack is "
            f"{len(asked.insert)} slices longer than the file, and slices after them lie further "
            "along than the file says"
        )
    if asked.filled_over and is_named:
        _check_positions(whole, asked)
        present[list(asked.filled_over)] = False
        if asked.damaged and asked.damaged != "auto":
            notes.append(f"positions {list(asked.damaged)} were named as damaged")
    return replace(whole, present=present, notes=tuple(notes))


def open_as_asked(scan: Scan, found: Found, asked: Asked, *, is_named: bool) -> Opened:
    """Give a scan as read what was asked of it.

    Parameters
    ----------
    found
        As it was discovered, not as `apply_request` gives it.

    Raises
    ------
    MedganError
        As `apply_request`, or if a mask does not fit.
    """
    if asked.slices == "thick":
        return Opened(scan, scan, n_thin=_factor(found, asked))
    restack = _restack(found, asked, is_named=is_named)
    whole = scan if restack is None else restack.scan(scan)
    gone = apply_request(found, asked, is_named=is_named).missing
    whole = whole.without([p for p in gone if p not in asked.filled_over])
    measured = whole.without(gone)
    if not (asked.mask and is_named):
        return Opened(measured, whole)
    marked = read_region(Path(asked.mask), scan.grid)
    return Opened(measured.with_region(marked), whole, marked)


def _restack(found: Found, asked: Asked, *, is_named: bool) -> Restack | None:
    n = found.present.size
    if asked.insert and is_named:
        _check_insert(found, asked.insert)
        return Restack.opening(n, asked.insert)
    if asked.is_thinner and asked.slices == "missing":
        return Restack.thinning(n, _factor(found, asked))
    before, after = found.lost_at_ends
    if asked.fill_ends and before + after:
        return Restack.extending(n, before, after)
    return None


def _check_insert(found: Found, positions: Sequence[int]) -> None:
    if found.format == "dicom":
        raise UsageError(
            "its own slice positions say that no slice is missing there",
            where=f"--insert, {found.id}",
            hint="--insert is for files without a position for each slice. If the positions are "
            "wrong, write the series as NIfTI first (--format nifti --copy-complete).",
        )
    n = found.present.size + len(positions)
    kept = np.setdiff1d(np.arange(n), positions)
    outside = [p for p in positions if not 0 < p < n - 1 or not kept[0] < p < kept[-1]]
    if outside or len(set(positions)) != len(positions):
        raise UsageError(
            f"positions {', '.join(map(str, outside or positions))} cannot be opened: they have "
            f"to lie between two slices of the longer stack, 1 to {n - 2}, each named once",
            where=f"--insert, {found.id}",
            hint="Positions are zero-based and those of the longer stack.",
        )


def _check_positions(found: Found, asked: Asked) -> None:
    option = "--damaged" if asked.damaged else "--missing"
    n = found.present.size
    measured = np.flatnonzero(found.present)
    first, last = int(measured[0]), int(measured[-1])
    if asked.fill_ends:
        first, last = -1, n
    outside = [p for p in asked.filled_over if not first < p < last]
    if outside:
        raise UsageError(
            f"positions {', '.join(map(str, outside))} have no measured slice on both sides",
            where=f"{option}, {found.id}",
            hint=f"Positions are zero-based; between {first + 1} and {last - 1} can be filled"
            + ("." if asked.fill_ends else ", others with --fill-ends."),
        )
    if set(measured.tolist()) <= set(asked.filled_over):
        raise UsageError(
            "no slice would be left",
            where=f"{option}, {found.id}",
            hint="Name fewer positions: slices are made from those that were measured.",
        )


def _factor(found: Found, asked: Asked) -> int:
    if asked.upsample is not None:
        return asked.upsample
    assert asked.spacing_mm is not None  # `check_asked`
    step = found.grid.spacing_mm[found.axis]
    ratio = step / asked.spacing_mm
    factor = round(ratio)
    if not 2 <= factor <= 4 or abs(ratio - factor) > WHOLE * factor:
        shares = ", ".join(f"{step / s:.4g}" for s in (2, 3, 4))
        raise UsageError(
            f"{asked.spacing_mm:g} mm is no half, third or quarter of {step:.4g} mm between slices",
            where=f"--spacing, {found.id}",
            hint=f"Possible for this scan: {shares} mm.",
        )
    return factor
