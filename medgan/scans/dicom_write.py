"""Write a scan as a classic single-frame DICOM series."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from medgan.errors import UsageError, WriteError
from medgan.scans.atomic import writing_together
from medgan.scans.dicom_order import Order
from medgan.scans.dicom_parts import TOOL
from medgan.scans.dicom_pixel_write import sixteen_bits
from medgan.scans.dicom_restored import restored_datasets
from medgan.scans.dicom_source import is_from_dicom
from medgan.scans.dicom_virtual import virtual_datasets
from medgan.scans.scan import Scan

_NAME = re.compile(r"^\d{4,}\.dcm$")


def write_dicom(scan: Scan, folder: Path, order: Order) -> list[Path]:
    """Write every slice that is present as one file, `0001.dcm` first along the slice normal.

    A scan that came from DICOM keeps its patient, study, frame of reference and the stored values,
    positions and rescale of measured slices, as they were written; any other gets a made-up
    patient. The header is made of an allow-list: `docs/formats_written.md` has it tag by tag.
    Identifiers are hashes of content, so the same input gives the same files. A gap stays a gap,
    in instance numbers too.

    Parameters
    ----------
    folder
        Made when it is not there. Older files of ours in it are replaced.

    Returns
    -------
    The files, by instance number.

    Raises
    ------
    UsageError
        If no slice is present.
    ReadError
        If a source file has gone or changed.
    SeriesError
        If DICOM cannot hold the grid, or text is burned into pixels that are to be de-identified.
    WriteError
        If there is no space or no permission, or other files are in the way; nothing is left
        half-written.
    """
    datasets = dicom_datasets(scan, order)
    older = _older_files(folder)
    paths = []
    with writing_together() as outputs:
        for number, dataset in datasets:
            path = folder / f"{number:04d}.dcm"
            outputs.add(path, to_bytes(dataset))
            paths.append(path)
    for path in older - set(paths):
        path.unlink(missing_ok=True)
    return paths


def dicom_datasets(scan: Scan, order: Order) -> Iterator[tuple[int, Dataset]]:
    """Return what `write_dicom` writes of a scan, with instance numbers; raises as it does."""
    if not scan.present.any():
        raise UsageError(
            "no slice is present, nothing to write",
            where=scan.id,
            hint="Fill it first, or leave it out.",
        )
    return (restored_datasets if is_from_dicom(scan) else virtual_datasets)(scan, order)


def notes_of_values(scan: Scan) -> tuple[str, ...]:
    """Say what the values of a scan become in the files of `write_dicom`; empty: they stay.

    Raises
    ------
    SeriesError
        If DICOM cannot hold them.
    """
    return () if is_from_dicom(scan) else sixteen_bits(scan).notes


def to_bytes(dataset: Dataset) -> bytes:
    """Return the file of a data set."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # Copied texts may break the rules they broke in the source; made ones are tested.
        warnings.simplefilter("ignore")
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _older_files(folder: Path) -> set[Path]:
    """Return slices that an earlier run wrote here; refuse to write over anybody else's."""
    if not folder.is_dir():
        return set()
    named = {path for path in folder.iterdir() if _NAME.match(path.name)}
    for path in sorted(named):
        if not _is_ours(path):
            raise WriteError(
                f"the folder holds a file of that name that medgan did not write: {path.name}",
                where=str(folder),
                hint="Write to another folder.",
            )
    return named


def _is_ours(path: Path) -> bool:
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
    except Exception:  # no DICOM file at all
        return False
    return str(meta.get("ImplementationVersionName", "")).startswith(TOOL.upper())
