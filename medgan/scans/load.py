"""From what was found to scans with values."""

from __future__ import annotations

import warnings
from pathlib import Path

from medgan.errors import MedganError, ReadError, printable
from medgan.scans.dicom_load import load_dicom
from medgan.scans.discover import discover
from medgan.scans.listing import LIST_AGAIN, Found
from medgan.scans.scan import Scan
from medgan.scans.segmentation_read import load_segmentation
from medgan.scans.volume_files import load_volume


def load_found(found: Found) -> Scan:
    """Read the values of one scan that `discover` listed.

    Raises
    ------
    ReadError
        If a file has gone, changed or become unreadable since it was listed.
    """
    try:
        if found.format != "dicom":
            return load_volume(found)
        return load_segmentation(found) if found.kind == "label" else load_dicom(found)
    except MedganError:
        raise
    except OSError as error:
        raise ReadError(
            f"a file cannot be opened any more ({type(error).__name__})",
            where=found.id,
            hint=LIST_AGAIN,
        ) from error


def load(path: Path | str, axis: int | None = None, modality: str | None = None) -> list[Scan]:
    """Read every scan below a path, label maps too; warn of each refusal.

    Parameters
    ----------
    path, axis, modality
        As for `discover`.

    Returns
    -------
    Scans in the order of the listing; a 4D file gives one for each volume.

    Raises
    ------
    ReadError
        If nothing below the path can be read.
    """
    listing = discover(path, axis, modality)
    for refusal in listing.refused:
        names = ", ".join(printable(file.name) for file in refusal.files[:3])
        more = f" and {len(refusal.files) - 3} more" if len(refusal.files) > 3 else ""
        warnings.warn(f"refused: {names}{more}: {refusal.reason}", stacklevel=2)
    scans = []
    for found in listing.scans:
        try:
            scans.append(load_found(found))
        except MedganError as error:
            warnings.warn(f"refused: {found.id}: {error}", stacklevel=2)
    if not scans:
        raise ReadError(
            f"no scan can be read: {len(listing.refused)} refused, "
            f"{sum(len(entry.files) for entry in listing.set_aside)} files set aside",
            where=str(path),
            hint="`medgan inspect` lists every file with the reason.",
        )
    return scans
