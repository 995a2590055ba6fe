"""Write float maps as DICOM Parametric Map objects, through highdicom (PS3.3 A.75)."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from medgan.errors import UsageError
from medgan.scans.atomic import write_bytes
from medgan.scans.derived_object import read_sources, settle
from medgan.scans.dicom_parts import DISCLAIMER, HIGHDICOM_EQUIPMENT, MAX_NAME, plain
from medgan.scans.dicom_uids import derive_uid
from medgan.scans.dicom_write import to_bytes
from medgan.scans.grid import Grid
from medgan.scans.plane_index import plane_index

Code = tuple[str, str, str]
"""Value, scheme, meaning."""

DIFFERENCE: Code = ("DIFFERENCE", "99MEDGAN", "Difference of restored and true value")
HOUNSFIELD: Code = ("[hnsf'U]", "UCUM", "Hounsfield unit")
NO_UNIT: Code = ("1", "UCUM", "no units")

SERIES_NUMBER = 200
_MAX_LABEL, _MAX_SHORT = 16, 16


def write_parametric_map(
    values: NDArray[np.floating],
    grid: Grid,
    quantity: Code,
    unit: Code,
    source_files: Sequence[Path],
    path: Path,
    *,
    label: str = "MAP",
) -> Path:
    """Write a map of real numbers as one object that refers to the series it belongs to.

    Values are kept as 32-bit floats (Float Pixel Data) and are the quantity itself: the real world
    value mapping has slope 1 and intercept 0. Patient, study and frame of reference are those of
    the series; identifiers are hashes of the content, and no clock time is written, so the same
    map gives the same bytes. Synthetic Data is YES where the series has synthetic slices.

    Parameters
    ----------
    values
        `(i, j, k)` finite real numbers on the grid, in `unit`.
    grid
        Where they lie; pixels of the source files must lie on its voxels.
    quantity, unit
        What is mapped, and its UCUM unit.
    source_files
        Our written series, so that references resolve to what the user has.
    label
        Content label, at most 16 capital letters, digits and `_`.

    Raises
    ------
    UsageError
        If values are not finite, or their shape is not that of the grid, or there is no source.
    ReadError
        If a source file cannot be read.
    SeriesError
        If source files and values do not lie on one grid.
    WriteError
        If there is no space or no permission; nothing is left half-written.
    """
    if values.shape != grid.shape or not np.isfinite(values).all() or not source_files:
        raise UsageError(
            f"a map of shape {values.shape} on a grid {grid.shape}, {len(source_files)} source "
            "files; finite values and at least one source file expected",
            where=path.name,
            hint="Give the values and grid of one scan, and the DICOM files of its series.",
        )
    sources = read_sources(source_files)
    frames = np.stack([values[plane_index(grid, source).index] for source in sources])
    made = _build(sources, frames.astype(np.float32), quantity, unit, label)
    settle(made, sources)
    if "Laterality" in sources[0]:  # has to be there for body parts that come in pairs, or unknown
        made.Laterality = sources[0].get("Laterality")
    write_bytes(path, to_bytes(made))
    return path


def _build(
    sources: list[Dataset], frames: NDArray[np.float32], quantity: Code, unit: Code, label: str
) -> Any:
    import highdicom as hd

    low, high = float(frames.min()), float(frames.max())
    content = [str(source.SOPInstanceUID) for source in sources]
    key: list[str | bytes] = ["parametric map", *content, frames.tobytes(), *quantity, *unit, label]
    name = plain(quantity[2], MAX_NAME)
    mapping = hd.pm.RealWorldValueMapping(
        lut_label=plain(label, _MAX_SHORT),
        lut_explanation=name,
        unit=hd.sr.CodedConcept(*unit),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=hd.sr.CodedConcept(*quantity),
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hd.pm.ParametricMap(
            source_images=sources,
            pixel_array=frames,
            series_instance_uid=derive_uid("series", *key),
            series_number=SERIES_NUMBER,
            sop_instance_uid=derive_uid("instance", *key),
            instance_number=1,
            **HIGHDICOM_EQUIPMENT,
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[mapping],
            window_center=(low + high) / 2,
            window_width=max(high - low, 1e-3),
            content_label=label[:_MAX_LABEL],
            content_description=f"{name}, {DISCLAIMER}"[:MAX_NAME],
            series_description=f"medgan {label.lower()} map",
        )
