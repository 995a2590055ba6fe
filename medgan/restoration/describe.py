"""What is told of a scan and of every slice that is made in it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.record import FilledSlice, ScanRecord
from medgan.restoration.expected import expect
from medgan.restoration.signs import Signs
from medgan.restoration.trial import Trial
from medgan.scans import Gap, Scan, missing_instances

Position = tuple[float, float, float]


def describe(scan: Scan, holed: Scan, filled: Sequence[int]) -> ScanRecord:
    """Return the record of a scan before anything is filled.

    Parameters
    ----------
    holed
        The scan without the slices that are filled over.
    filled
        Positions that will be filled.
    """
    i, j, k = scan.spacing_mm
    return ScanRecord(
        id=scan.id,
        status="complete",
        format=scan.format,
        modality=scan.modality,
        shape=scan.grid.shape,
        spacing_mm=(round(i, 6), round(j, 6), round(k, 6)),
        orientation=scan.grid.orientation,
        axis=scan.axis,
        ruler="".join("|" if p else "." for p in holed.present),
        missing=holed.missing,
        missing_instances=missing_instances(holed.instances, holed.present),
        measured_hashes={
            str(int(p)): holed.slice_hash(int(p)) for p in np.flatnonzero(holed.present)
        },
        notes=(*scan.notes, *_caveats(holed, filled)),
    )


def centre_of(scan: Scan, position: int) -> Position:
    """Return the RAS+ millimetres of the centre of a slice."""
    middle = [(side - 1) / 2 for side in scan.grid.shape]
    middle[scan.axis] = position
    return world(scan, np.array(middle))


def world(scan: Scan, index: NDArray[np.float64]) -> Position:
    """Return the RAS+ millimetres of a voxel index (3,), rounded for a record."""
    x, y, z = (round(float(v), 4) + 0.0 for v in scan.grid.position(index))
    return x, y, z


def filled_slice(
    scan: Scan,
    trial: Trial,
    gap: Gap,
    position: int,
    signs: Signs,
    overwritten: bool,
) -> FilledSlice:
    """Return what is told of one slice of a gap.

    Parameters
    ----------
    trial
        Of gaps of its kind.
    signs
        What can be seen of its error.
    overwritten
        Whether it holds a slice that is filled over on request.
    """
    grade, psnr_db, ssim = expect(trial, signs)
    numbers = missing_instances(scan.instances, _only(gap, scan.n_positions))
    return FilledSlice(
        position=position,
        world_mm=centre_of(scan, position),
        instance=numbers[position - gap.first] if numbers else None,
        gap_length=gap.length,
        grade=grade,
        psnr_db=psnr_db,
        ssim=ssim,
        overwritten=overwritten,
    )


def _only(gap: Gap, n: int) -> NDArray[np.bool_]:
    """Return presence (n,) as if this gap were the only one."""
    present = np.ones(n, dtype=bool)
    present[list(gap.positions)] = False
    return present


def _caveats(holed: Scan, filled: Sequence[int]) -> list[str]:
    """Say what is left alone, and what is not as it seems."""
    ends = [position for position in holed.missing if position not in set(filled)]
    caveats = []
    if ends:
        caveats.append(f"positions {ends} have slices on one side only and are left alone")
    made = [int(p) for p in np.flatnonzero(holed.synthetic)]
    if made and (holed.synthetic | ~holed.present).all():
        caveats.append(
            "every slice of this scan was made by a program to begin with: methods were tried out "
            "on made slices, and expected errors speak of those"
        )
    elif made:
        caveats.append(
            f"positions {made} hold synthetic slices: they are neighbours like any other, but "
            "never taken as the truth"
        )
    return caveats
