"""Write label maps as DICOM Segmentation objects, through highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

import medgan
from medgan.errors import UsageError
from medgan.scans.atomic import write_bytes
from medgan.scans.derived_object import read_sources, settle
from medgan.scans.dicom_parts import HIGHDICOM_EQUIPMENT, MAX_NAME, TOOL, plain
from medgan.scans.dicom_uids import derive_uid
from medgan.scans.dicom_write import to_bytes
from medgan.scans.grid import Grid
from medgan.scans.plane_index import plane_index

TISSUE = ("85756007", "SCT", "Tissue")
ARTIFICIAL_INTELLIGENCE = ("123110", "DCM", "Artificial Intelligence")
SCHEME = "99MEDGAN"
SERIES_NUMBER = 100


def write_segmentation(
    labels: NDArray[np.integer],
    grid: Grid,
    names: dict[int, str],
    source_files: Sequence[Path | Dataset],
    path: Path,
    *,
    refer: bool = True,
) -> Path:
    """Write a label map as one binary DICOM SEG that refers to the series it belongs to.

    Parameters
    ----------
    labels
        `(i, j, k)` whole numbers on the grid; 0 is background.
    grid
        Where the labels lie; pixels of the source files must lie on its voxels.
    names
        Name of each label value; segments are numbered from 1 in ascending order of value.
    source_files
        Our written series, so that references resolve to what the user has; or its data sets.
    refer
        False: the source files only lend their geometry and patient, and exist nowhere else.

    Raises
    ------
    UsageError
        If labels without a name occur, or the shape is not that of the grid.
    ReadError
        If a source file cannot be read.
    SeriesError
        If source files and labels do not lie on one grid.
    WriteError
        If there is no space or no permission; nothing is left half-written.
    """
    values = sorted(value for value in names if value != 0)
    unnamed = sorted(set(np.unique(labels).tolist()) - {0, *values})
    if labels.shape != grid.shape or unnamed or not values or not source_files:
        raise UsageError(
            f"labels {labels.shape} on a grid {grid.shape}, values without a name: {unnamed}, "
            f"{len(values)} names, {len(source_files)} source files",
            where=path.name,
            hint="Give labels and grid of one scan, the DICOM files of its series, and a name for "
            "each value but 0.",
        )
    sources = read_sources(source_files)
    frames = np.stack([labels[plane_index(grid, source).index] for source in sources])
    numbers = np.zeros(frames.shape, dtype=np.uint8 if len(values) < 256 else np.uint16)
    for number, value in enumerate(values, start=1):
        numbers[frames == value] = number
    segmentation = _build(sources, numbers, [names[value] for value in values])
    settle(segmentation, sources)
    if not refer:
        _drop_references(segmentation)
    write_bytes(path, to_bytes(segmentation))
    return path


def _build(sources: list[Dataset], numbers: NDArray[np.generic], names: list[str]) -> Any:
    import highdicom as hd

    content = [str(source.SOPInstanceUID) for source in sources]
    key: list[str | bytes] = ["segmentation", *content, numbers.tobytes(), *names]
    algorithm = hd.AlgorithmIdentificationSequence(
        name=TOOL,
        family=hd.sr.CodedConcept(*ARTIFICIAL_INTELLIGENCE),
        version=medgan.__version__,
    )
    segments = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=plain(name, MAX_NAME) or f"label {number}",
            segmented_property_category=hd.sr.CodedConcept(*TISSUE),
            segmented_property_type=hd.sr.CodedConcept(
                f"LABEL{number}", SCHEME, plain(name, MAX_NAME) or f"label {number}"
            ),
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, name in enumerate(names, start=1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return hd.seg.Segmentation(
            source_images=sources,
            pixel_array=numbers,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=segments,
            series_instance_uid=derive_uid("series", *key),
            series_number=SERIES_NUMBER,
            sop_instance_uid=derive_uid("instance", *key),
            instance_number=1,
            **HIGHDICOM_EQUIPMENT,
            content_label="LABELS",
            content_description="labels",
            series_description="medgan labels",
        )


def _drop_references(segmentation: Dataset) -> None:
    for keyword in ("ReferencedSeriesSequence", "SourceImageSequence"):
        if keyword in segmentation:
            delattr(segmentation, keyword)
    for frame in segmentation.PerFrameFunctionalGroupsSequence:
        if "DerivationImageSequence" in frame:
            del frame.DerivationImageSequence
