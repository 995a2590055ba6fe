"""A generated cohort on disk: scans with slices taken away, the same whole, and labelled ones.

FOLDER/damaged/     DICOM series and NIfTI files from which slices were taken away
FOLDER/truth/       the same scans, whole, under the same names
FOLDER/labelled/    imagesTr/X_0000.nii.gz and labelsTr/X.nii.gz, to train on
FOLDER/removed.json what was taken away
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from medgan.data.phantoms import BODY_LABELS, BRAIN_LABELS, Kind, as_scan, body_ct, brain_mr
from medgan.data.streams import stream
from medgan.record import dump
from medgan.scans import Order, Scan, write_dicom, write_labels, write_nifti
from medgan.scans.atomic import write_bytes

_DAMAGED: tuple[tuple[Kind, str], ...] = (
    ("brain", "dicom"),
    ("body", "dicom"),
    ("brain", "nifti"),
    ("body", "nifti"),
)
"""What the scans to restore are, in turn."""

_MODALITY = {"brain": "mr", "body": "ct"}
_MAKE = {"brain": brain_mr, "body": body_ct}
_LABELS = {"brain": BRAIN_LABELS, "body": BODY_LABELS}
_TEXT = "Generated phantom, not of a person; research use only, not for diagnosis"


@dataclass(frozen=True)
class Removed:
    """What was taken away from one scan.

    Parameters
    ----------
    path
        Folder of the series or NIfTI file, relative to `damaged`.
    positions
        Zero-based along the slice axis, ascending towards the head.
    world_mm
        Height of each of these slices, RAS+ millimetres.
    instances
        Instance numbers of the slices (DICOM); empty for NIfTI.
    """

    path: str
    format: str
    modality: str
    positions: tuple[int, ...]
    world_mm: tuple[float, ...]
    instances: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cohort:
    """Where a cohort lies, and the truth about it."""

    damaged: Path
    truth: Path
    labelled: Path
    removed: tuple[Removed, ...]


def write_cohort(
    folder: Path,
    *,
    n_damaged: int = 4,
    n_labelled: int = 12,
    seed: int = 0,
    shape: tuple[int, int, int] = (96, 96, 40),
    labelled: Kind = "brain",
    labelled_shape: tuple[int, int, int] = (64, 64, 48),
) -> Cohort:
    """Write a cohort; the same arguments give the same files.

    Parameters
    ----------
    n_damaged
        Scans to restore: brain and body as DICOM series, then brain and body as NIfTI, in turn.
    n_labelled
        Labelled scans to train on; other bodies than the damaged ones.
    labelled
        What the labelled scans show.

    Raises
    ------
    WriteError
        If the folder cannot be written to.
    """
    cohort = Cohort(folder / "damaged", folder / "truth", folder / "labelled", ())
    removed = [_write_damaged(cohort, n, seed, shape) for n in range(n_damaged)]
    for n in range(n_labelled):
        _write_labelled(cohort.labelled, labelled, n, seed, labelled_shape)
    if n_labelled:
        _write_label_names(cohort.labelled, labelled, n_labelled)
    document = [dataclasses.asdict(entry) for entry in removed]
    write_bytes(folder / "removed.json", dump(document).encode())
    return dataclasses.replace(cohort, removed=tuple(removed))


def draw_gaps(rng: np.random.Generator, n: int) -> tuple[int, ...]:
    """Draw which of `n` slices are taken away: up to three gaps of one to three slices.

    At least two slices stay on both sides of every gap, and most of them in all.
    """
    inner = n - 4
    if inner < 1:
        return ()
    n_parts, widest = max(1, min(3, inner // 7)), max(1, min(3, inner // 8))
    gone: list[int] = []
    for part in range(n_parts):
        start = 2 + inner * part // n_parts
        stop = 2 + inner * (part + 1) // n_parts - (2 if part + 1 < n_parts else 0)
        length = int(rng.integers(1, widest + 1))
        is_skipped = part > 0 and rng.random() < 0.25
        if not is_skipped:
            first = int(rng.integers(start, max(start, stop - length) + 1))
            gone += range(first, min(first + length, stop))
    return tuple(gone)


def _write_damaged(cohort: Cohort, n: int, seed: int, shape: tuple[int, int, int]) -> Removed:
    kind, file_format = _DAMAGED[n % len(_DAMAGED)]
    name = f"{kind}_{n + 1:02d}"
    values, _, grid = _MAKE[kind](_case_seed(seed, "damaged", n), shape)
    scan = as_scan(values, grid, _MODALITY[kind], name)
    gone = draw_gaps(stream(seed, "removed slices", n), shape[2])
    height = tuple(round(float(grid.position((0, 0, k))[2]), 4) for k in gone)
    if file_format == "nifti":
        _write_nifti_pair(cohort, scan, name, gone)
        return Removed(f"{name}.nii.gz", "nifti", scan.modality, gone, height)
    instances = _write_dicom_pair(cohort, scan, name, gone)
    return Removed(name, "dicom", scan.modality, gone, height, instances)


def _write_nifti_pair(cohort: Cohort, scan: Scan, name: str, gone: Sequence[int]) -> None:
    write_nifti(scan, cohort.truth / f"{name}.nii.gz", provenance=_TEXT)
    stored = scan.stored.copy()
    stored[:, :, list(gone)] = 0
    lossy = dataclasses.replace(scan, stored=stored)
    write_nifti(lossy, cohort.damaged / f"{name}.nii.gz", provenance=_TEXT)


def _write_dicom_pair(
    cohort: Cohort, scan: Scan, name: str, gone: Sequence[int]
) -> tuple[int, ...]:
    """Write the series, and copy all but some of its files; returns their instance numbers."""
    files = write_dicom(
        scan, cohort.truth / name, Order(description=f"phantom {name}", derivation=_TEXT, salt=name)
    )
    for position, file in enumerate(files):  # in space from the feet up, as the positions are
        copy = cohort.damaged / name / file.name
        if position in gone:
            copy.unlink(missing_ok=True)  # from an earlier cohort in the same folder
        else:
            write_bytes(copy, file.read_bytes())
    return tuple(position + 1 for position in gone)


def _write_labelled(
    folder: Path, kind: Kind, n: int, seed: int, shape: tuple[int, int, int]
) -> None:
    name = f"{kind}_{n + 1:03d}"
    values, labels, grid = _MAKE[kind](_case_seed(seed, "labelled", n), shape)
    scan = as_scan(values, grid, _MODALITY[kind], name)
    write_nifti(scan, folder / "imagesTr" / f"{name}_0000.nii.gz", provenance=_TEXT)
    write_labels(labels, grid, folder / "labelsTr" / f"{name}.nii.gz")


def _write_label_names(folder: Path, kind: Kind, n_cases: int) -> None:
    """Write `dataset.json` of nnU-Net v2, which names the labels."""
    document = {
        "channel_names": {"0": _MODALITY[kind].upper()},
        "labels": {"background": 0} | {name: value for value, name in _LABELS[kind].items()},
        "numTraining": n_cases,
        "file_ending": ".nii.gz",
        "description": _TEXT,
    }
    write_bytes(folder / "dataset.json", dump(document).encode())


def _case_seed(seed: int, purpose: str, n: int) -> int:
    return int(stream(seed, purpose, n).integers(1 << 31))
