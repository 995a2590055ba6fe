"""Prove what was written: read it again with other code, and compare with the scan."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pydicom

from medgan.scans.dicom_header import SEGMENTATION
from medgan.scans.reread import reading_back
from medgan.scans.scan import Scan
from medgan.scans.validate_dicom import validate_dicom
from medgan.scans.validate_nifti import validate_nifti


def validate(outputs: Iterable[Path], scan: Scan) -> None:
    """Re-read every NIfTI file and DICOM series among the outputs of one scan.

    Parameters
    ----------
    outputs
        Files and folders; other kinds (JSON, segmentations) are passed over. Of several DICOM
        series, as the volumes of a 4D scan have, the one whose folder is named like the scan.
    scan
        The measured scan, whose slices must all be there, bit for bit, and all others be marked; or
        the restored one, whose made slices are compared too.

    Raises
    ------
    ValidationError
        If anything is not as it was meant; it names the file.
    """
    series: dict[Path, list[Path]] = defaultdict(list)
    for path in _files(outputs):
        name = path.name.lower()
        if name.endswith((".nii", ".nii.gz")):
            validate_nifti(path, scan)
        elif name.endswith(".dcm") and not _is_segmentation(path):
            series[path.parent].append(path)
    own = [folder for folder in series if folder.name == Path(scan.id).name]
    for folder in own if len(series) > 1 and own else series:
        validate_dicom(sorted(series[folder]), scan)


def _files(outputs: Iterable[Path]) -> Iterable[Path]:
    for path in outputs:
        if path.is_dir():
            yield from sorted(child for child in path.rglob("*") if child.is_file())
        else:
            yield path


def _is_segmentation(path: Path) -> bool:
    with reading_back(path):
        meta = pydicom.filereader.read_file_meta_info(path)
    return str(meta.get("MediaStorageSOPClassUID", "")) == SEGMENTATION
