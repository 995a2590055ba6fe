"""What is written into files about how they came about."""

from __future__ import annotations

import medgan
from medgan.record import DISCLAIMER, CorrectionKind, ScanRecord
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
        description=_description(record),
        derivation=_derivation(record),
        model=record.model.get("name", ""),
        # With a secret it is the same for all series of a study, whatever was done to them.
        salt=salt or record.model.get("sha256", ""),
        deidentify=bool(salt),
        derived=tuple(one.kind for one in record.corrections),
    )


DONE: dict[CorrectionKind, str] = {
    "denoise": "noise reduced",
    "gibbs": "Gibbs ringing reduced",
    "bias_field": "bias field corrected",
}
"""What corrections are called in files."""


def corrections_in_words(record: ScanRecord) -> str:
    """Name what was done to every slice, e.g. `noise reduced, bias field corrected`."""
    return ", ".join(DONE[one.kind] for one in record.corrections)


def _description(record: ScanRecord) -> str:
    if record.corrections:
        return f"medgan {corrections_in_words(record)}"
    return "medgan restored" if record.filled or record.regions else "medgan copy"


def _derivation(record: ScanRecord) -> str:
    n, n_beyond = len(record.filled), sum(made.extrapolated for made in record.filled)
    what = f"{n} slices filled" if n else _copied(record)
    if record.corrections:
        what = f"every slice changed: {corrections_in_words(record)},"
    if n_beyond:
        what += f", {n_beyond} of them extrapolated beyond the ends,"
    if record.regions:
        what = f"{sum(region.n_voxels for region in record.regions)} voxels filled"
    return f"{what} by {made_by(record)}. {DISCLAIMER}."


def _copied(record: ScanRecord) -> str:
    n = len(record.missing)
    return f"copy of a scan with {n} slices missing" if n else "copy of a complete scan"
