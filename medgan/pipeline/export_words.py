"""What is written into files about how they came about."""

from __future__ import annotations

import medgan
from medgan.record import DISCLAIMER, ScanRecord
from medgan.scans import Order


def made_by(record: ScanRecord) -> str:
    """Name this tool, and the model where one was used."""
    model = f" {record.model['name']} {record.model['sha256'][:12]}" if record.model else ""
    return f"medgan {medgan.__version__}{model}"


def series_order(record: ScanRecord, salt: str = "") -> Order:
    """Return what is asked of the DICOM series of a scan.

    Identifiers follow from it: whoever makes the same order gets the same series.

    Parameters
    ----------
    salt
        Secret; where there is one, the series is de-identified.
    """
    return Order(
        description="medgan restored" if record.filled or record.regions else "medgan copy",
        derivation=_derivation(record),
        model=record.model.get("name", ""),
        # With a secret it is the same for all series of a study, whatever was done to them.
        salt=salt or record.model.get("sha256", ""),
        deidentify=bool(salt),
    )


def _derivation(record: ScanRecord) -> str:
    n, n_beyond = len(record.filled), sum(made.extrapolated for made in record.filled)
    what = f"{n} slices filled" if n else _copied(record)
    if n_beyond:
        what += f", {n_beyond} of them extrapolated beyond the ends,"
    if record.regions:
        what = f"{sum(region.n_voxels for region in record.regions)} voxels filled"
    return f"{what} by {made_by(record)}. {DISCLAIMER}."


def _copied(record: ScanRecord) -> str:
    n = len(record.missing)
    return f"copy of a scan with {n} slices missing" if n else "copy of a complete scan"
