"""Where a restored scan is wrong, and by how much: restored minus true value, voxel by voxel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from medgan.scans import (
    DIFFERENCE,
    HOUNSFIELD,
    NO_UNIT,
    Scan,
    write_map,
    write_parametric_map,
)


def write_difference(restored: Scan, truth: Scan, positions: Sequence[int], folder: Path) -> Path:
    """Write the difference map of one restored scan.

    0 in slices that were not filled, and in filled ones without a truth. Of a scan that was written
    as DICOM, the map is a Parametric Map that refers to the restored series; of any other, NIfTI of
    32-bit floats.

    Parameters
    ----------
    restored, truth
        On one grid.
    positions
        The filled slices.

    Returns
    -------
    `<scan>_difference.dcm` or `.nii.gz` below `folder`.
    """
    values = np.zeros(restored.grid.shape, dtype=np.float32)
    filled = [p for p in positions if truth.present[p] and restored.present[p]]
    difference = np.moveaxis(restored.values - truth.values, restored.axis, 0)
    slabs = np.moveaxis(values, restored.axis, 0)
    slabs[filled] = np.nan_to_num(difference[filled])
    unit = HOUNSFIELD if restored.modality == "ct" else NO_UNIT
    files = [file for file in restored.source.files if file is not None]
    if restored.format != "dicom" or not files:
        text = f"restored minus true value, {unit[2]}"
        return write_map(values, restored.grid, folder / f"{truth.id}_difference.nii.gz", text)
    path = folder / f"{truth.id}_difference.dcm"
    return write_parametric_map(
        values, restored.grid, DIFFERENCE, unit, files, path, label="DIFFERENCE"
    )
