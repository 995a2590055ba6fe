"""What is done to a scan before it is written: refused, straightened, or noted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medgan.errors import SeriesError
from medgan.pipeline.stage import Volume, Work
from medgan.record import ScanRecord
from medgan.scans import is_tilted, notes_of_values, straighten, with_constant_gaps
from medgan.scans.straighten import NOTE

MOST_LISTED = 8
"""Missing positions that are named one by one."""


def refuse_gaps(work: Work) -> None:
    """Refuse a scan in which slices are missing.

    Raises
    ------
    SeriesError
        Naming the positions.
    """
    for volume in work.volumes:
        missing = volume.scan.missing
        if missing:
            raise SeriesError(
                f"{len(missing)} slices are missing, at positions {_listed(missing)}",
                where=volume.record.id,
                hint="Fill them with `medgan restore`, or export without --strict.",
            )


def straightened(work: Work) -> Work:
    """Resample tilted stacks to straight grids; what must come back is what was resampled."""
    return replace(work, volumes=tuple(map(_straightened, work.volumes)))


def _straightened(volume: Volume) -> Volume:
    if not is_tilted(volume.scan):
        return volume
    scan = straighten(volume.scan)
    measured = scan if volume.measured is None else scan.without(volume.measured.missing)
    # No hash of a measured slice: none of the values is one.
    notes = (*volume.record.notes, NOTE)
    record = replace(volume.record, notes=notes, measured_hashes={}, resampled=True)
    return replace(volume, scan=scan, measured=measured, record=record)


def as_read(volume: Volume) -> Volume:
    """Complete the record of a scan that no stage has worked on."""
    record = volume.record
    if record.status != "complete":
        return volume
    present = np.flatnonzero(volume.scan.present).tolist()
    hashes = {str(position): volume.scan.slice_hash(position) for position in present}
    return replace(volume, record=replace(record, status="copied", measured_hashes=hashes))


def with_gaps_shown(volume: Volume, *, is_volume_file: bool) -> Volume:
    """Hold gaps open with constant slices, and say so.

    Parameters
    ----------
    is_volume_file
        Also or only NIfTI is written. DICOM needs nothing: a gap is a position without a file.
    """
    missing = volume.scan.missing
    if not missing:
        return volume
    if not is_volume_file:
        note = f"positions {_listed(missing)} are missing, and no file was written for them"
        return _with_note(volume, note)
    shown = with_constant_gaps(volume.scan)
    slabs = np.moveaxis(shown.scan.stored, shown.scan.axis, 0)
    stored = slabs[list(missing)]
    what = _value_of(stored, shown.scan.slope[missing[0]], shown.scan.intercept[missing[0]])
    note = (
        f"positions {_listed(missing)} are missing: the file holds {what} there ({shown.why}), "
        "which was not measured; the mask of missing slices marks them"
    )
    return _with_note(replace(volume, scan=shown.scan), note)


def with_values_noted(volume: Volume) -> Volume:
    """Say what the values of a scan become in DICOM, where they do not stay as they are."""
    for note in notes_of_values(volume.scan):
        volume = _with_note(volume, note)
    return volume


def _value_of(stored: np.ndarray, slope: float, intercept: float) -> str:
    first = stored.flat[0]
    if not (stored == first).all():
        return "constant values"
    return f"the constant value {float(first) * slope + intercept:.6g}"


def _with_note(volume: Volume, note: str) -> Volume:
    record: ScanRecord = volume.record
    return replace(volume, record=replace(record, notes=(*record.notes, note)))


def _listed(positions: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, positions[:MOST_LISTED]))
    return f"{shown}, ... ({len(positions)} in all)" if len(positions) > MOST_LISTED else shown
