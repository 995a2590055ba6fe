"""A restored scan, whoever restored it, against the complete one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from medgan.errors import DataError
from medgan.interpolation import Filler
from medgan.restoration.hide import interior_gaps
from medgan.restoration.scale import measure, physical_planes, stack_of
from medgan.restoration.truth import MethodScore, Truth
from medgan.scans import Scan


def compare(
    complete: Scan, restored: Scan, positions: Sequence[int], fillers: Sequence[Filler]
) -> tuple[MethodScore, ...]:
    """Score filled slices of a restored scan, whoever filled them, beside the fillers.

    Parameters
    ----------
    complete
        The truth.
    restored
        The same grid; its measured slices are not looked at.
    positions
        Filled slices, e.g. where its mask is not 0. Those at the ends are left out: there the
        fillers have nothing to say.
    fillers
        What to set beside it.

    Returns
    -------
    tuple
        `restored` first, then in the order of the fillers.

    Raises
    ------
    DataError
        If the two are not on one grid and axis, or nothing is left to score.
    """
    if complete.grid.shape != restored.grid.shape or not np.allclose(
        complete.affine, restored.affine, atol=0.01
    ):
        raise DataError(
            f"the truth has the grid {complete.grid.shape}, the restored scan "
            f"{restored.grid.shape}, or they lie elsewhere",
            where=restored.id,
            hint="Compare a restored scan with the complete scan it was made from.",
        )
    if complete.axis != restored.axis:
        raise DataError(
            f"the slices of the truth lie along axis {complete.axis}, those of the restored scan "
            f"along axis {restored.axis}",
            where=restored.id,
            hint="Compare files of one kind, read along the same axis.",
        )
    holed = complete.without(positions)
    targets = [p for gap in interior_gaps(holed.present) for p in gap.positions]
    targets = [p for p in targets if complete.present[p]]
    if not targets:
        raise DataError(
            "no filled slice lies between two slices of the truth",
            where=restored.id,
            hint="The truth must hold the slices that were filled.",
        )
    planes = physical_planes(holed)
    scale = measure(planes, holed.present)
    stack = stack_of(holed, planes, scale, holed.present)
    truth = Truth.of(complete, "restored", targets)
    filled = np.moveaxis(restored.values, complete.axis, 0)[targets]
    others = [truth.score(f.name, 0.0, scale.undo(f.fill(stack, targets))) for f in fillers]
    return truth.score("restored", 1.0, filled), *others
