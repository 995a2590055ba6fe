"""Label maps to files: NIfTI labels, or a DICOM segmentation of the image they were drawn on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import SeriesError
from medgan.pipeline.export_places import Places
from medgan.pipeline.export_words import made_by, series_order
from medgan.pipeline.stage import Volume, Work
from medgan.record import ScanRecord
from medgan.scans import (
    Scan,
    dicom_datasets,
    labels_on,
    load_found,
    segment_names,
    validate_segmentation,
    write_labels,
    write_nifti,
    write_segmentation,
)

ALONE = (
    "no image of this label map was found: the segmentation has a made-up patient and refers to "
    "no series"
)


def write_label_volumes(work: Work, places: Places) -> list[Path]:
    """Write a label map as NIfTI in the smallest unsigned type; a 4D one as it is."""
    scans = [volume.scan for volume in work.volumes]
    labels = _whole_labels(scans[0]) if len(scans) == 1 else None
    if labels is not None:
        return [write_labels(labels, scans[0].grid, places.image(), like=scans[0])]
    # Negative or fractional labels, and several volumes: exactly as stored.
    made = made_by(work.volumes[0].record)
    return [write_nifti(scans, places.image(), provenance=made)]


def write_label_objects(
    work: Work, out: Path, name: str, salt: str = ""
) -> tuple[Work, list[Path]]:
    """Write every volume of a label map as a DICOM segmentation.

    Parameters
    ----------
    salt
        Secret; where there is one, all is de-identified, and labels go by their numbers.

    Returns
    -------
    tuple
        The work with what there is to say about it, and the files.

    Raises
    ------
    ValidationError
        If a label is not where it was meant to be.
    SeriesError
        If labels are no whole numbers from 0 on, or do not lie on their image; and for a DICOM
        segmentation whose series is not there: it would lose its patient.
    """
    volumes, written = [], []
    for number, volume in enumerate(work.volumes):
        path = out / (f"{name}.dcm" if len(work.volumes) == 1 else f"{name}_v{number:03d}.dcm")
        done = _write_object(volume, path, salt)
        volumes.append(done)
        written.append(path)
    return replace(work, volumes=tuple(volumes)), written


def _write_object(volume: Volume, path: Path, salt: str) -> Volume:
    scan = volume.scan
    labels = _whole_labels(scan)
    if labels is None or not labels.any():
        what = "it marks nothing" if labels is not None else "labels are no whole numbers from 0 on"
        raise SeriesError(what, where=volume.record.id, hint="Write it as NIfTI (--format nifti).")
    if volume.image is None:
        if scan.format == "dicom":
            raise SeriesError(
                "the series that this segmentation was drawn on is not there",
                where=volume.record.id,
                hint="Name a folder that holds both, or write it as NIfTI (--format nifti).",
            )
        lender = dicom_datasets(scan, series_order(volume.record, salt))
        datasets = [dataset for _, dataset in lender]
        names = _names(volume, labels, is_told=not salt)
        write_segmentation(labels, scan.grid, names, datasets, path, refer=False)
        validate_segmentation(path, labels, scan.grid)
        return _noted(volume, ALONE)
    image = load_found(volume.image)
    told = ScanRecord(image.id, "copied", missing=image.missing)
    datasets = [dataset for _, dataset in dicom_datasets(image, series_order(told, salt))]
    placed = labels_on(labels, scan.grid, image.grid)
    lost = _taken_out_of_gaps(placed, image)
    if not placed.any():
        raise SeriesError(
            "every label lies in slices that its image does not have",
            where=volume.record.id,
            hint="Write it as NIfTI (--format nifti).",
        )
    names = _names(volume, placed, is_told=not salt)
    write_segmentation(placed, image.grid, names, datasets, path)
    validate_segmentation(path, placed, image.grid)
    if not lost:
        return volume
    return _noted(volume, f"{lost} labelled voxels lie in slices that its image does not have")


def _taken_out_of_gaps(placed: NDArray[np.integer], image: Scan) -> int:
    """Take labels out of slices that are not there, in place; returns how many voxels."""
    slabs = np.moveaxis(placed, image.axis, 0)
    lost = int(np.count_nonzero(slabs[~image.present]))
    slabs[~image.present] = 0
    return lost


def _whole_labels(scan: Scan) -> NDArray[np.integer] | None:
    """Return labels as whole numbers; None where they are none, or start below 0."""
    values = scan.values
    if not np.isfinite(values).all() or (values != np.rint(values)).any() or values.min() < 0:
        return None
    return values.astype(np.uint32)


def _names(volume: Volume, labels: NDArray[np.integer], *, is_told: bool) -> dict[int, str]:
    files: Sequence[Path | None] = volume.scan.source.files
    known = {}
    if is_told and volume.scan.format == "dicom" and files and files[0] is not None:
        known = segment_names(files[0])
    found = [int(value) for value in np.unique(labels) if value]
    return {value: known.get(value) or f"label {value}" for value in found}


def _noted(volume: Volume, note: str) -> Volume:
    return replace(volume, record=replace(volume.record, notes=(*volume.record.notes, note)))
