"""Name the slices of a series that lie in a gap of one of its stacks but do not fit into it.

A slice that was sent in another matrix leaves a hole. The hole is real, yet whoever fills it must
know that an image of that place exists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from medgan.errors import quoted
from medgan.scans.dicom_split import ORIENTATION_TOLERANCE
from medgan.scans.listing import Found
from medgan.scans.planes import Plane

NEAR_OF_STEP = 0.25
"""Share of a step within which a slice lies at a position."""


def note_strays(found: Found, others: Iterable[Sequence[Plane]], base: Path) -> Found:
    """Add a note for each slice of other stacks that lies at a missing position of a scan.

    Parameters
    ----------
    others
        Stacks that the same series was split into. Of those with two slices or more, only ones
        with other pixels count: time points and echoes have gaps of their own.
    base
        Folder that names of files are relative to.
    """
    notes: list[tuple[int, str]] = []
    for stack in others:
        for plane in stack:
            unlike = _unlike(found, plane)
            if len(stack) > 1 and not unlike:
                continue
            at = _position(found, plane)
            if at is not None and at in found.missing:
                name = quoted(plane.path.relative_to(base))
                reason = unlike or "it is another kind of image"
                notes.append((at, f"position {at} is missing, though {name} lies there: {reason}"))
    return replace(found, notes=(*found.notes, *(text for _, text in sorted(notes))))


def _unlike(found: Found, plane: Plane) -> str:
    """Say how the pixels of a plane differ from those of a scan; empty where they do not."""
    pixels, (n_columns, n_rows, _) = plane.header.pixels, found.grid.shape
    if (pixels.rows, pixels.columns) != (n_rows, n_columns):
        return (
            f"it has another matrix ({pixels.columns} x {pixels.rows}, not {n_columns} x {n_rows})"
        )
    column_mm, row_mm, _ = found.grid.spacing_mm
    if not np.allclose(plane.place.spacing, (row_mm, column_mm), rtol=1e-3):
        return "it has another pixel size"
    return ""


def _position(found: Found, plane: Plane) -> int | None:
    """Return the position along a scan at which a plane lies; None where it is another plane."""
    affine = found.grid.affine_lps
    axes = (affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)).T
    if np.abs(axes - plane.place.axes).max() > ORIENTATION_TOLERANCE:
        return None
    normal = np.cross(axes[0], axes[1])
    step_mm = float(affine[:3, 2] @ normal)
    at = float((plane.place.position - affine[:3, 3]) @ normal) / step_mm
    nearest = round(at)
    return nearest if abs(at - nearest) <= NEAR_OF_STEP else None
