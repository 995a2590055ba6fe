"""Restored scans against complete ones: filled slices scored beside the classical methods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medgan.errors import DataError, MedganError
from medgan.pipeline.image_cases import only_scan
from medgan.record import ScanRecord
from medgan.scans import Scan, discover, load_found

if TYPE_CHECKING:
    from medgan.restoration.truth import MethodScore

Say = Callable[[str], None]


@dataclass(frozen=True)
class Judged:
    """What an output folder came to.

    Parameters
    ----------
    scores
        One per scan and method; `restored` is what lies in the files.
    unscored
        Restored scans without a truth, or with one that does not fit: id and reason.
    """

    scores: tuple[MethodScore, ...]
    unscored: tuple[tuple[str, str], ...]


def judge_restored(truth: Path, out: Path, say: Say) -> Judged:
    """Score filled slices of an output folder against complete scans, beside classical methods.

    Parameters
    ----------
    truth
        The complete scans, laid out as the input was.
    out
        Output folder of `medgan restore`.

    Raises
    ------
    DataError
        If nothing was restored there, or no restored scan has a truth that fits.
    """
    records = list(restored_records(out))
    if not records:
        raise DataError(
            "no scan with filled slices lies there",
            where=str(out),
            hint="Name the output folder of `medgan restore`, truth first.",
        )
    true_by_id = {found.id: found for found in discover(truth).images}
    scores: list[MethodScore] = []
    unscored: list[tuple[str, str]] = []
    for record in records:
        if record.id not in true_by_id:
            unscored.append((record.id, "no scan of that name in the truth"))
            continue
        say(record.id)
        try:
            scores += _score_restored(record, load_found(true_by_id[record.id]), out)
        except MedganError as error:
            unscored.append((record.id, error.what))
    if not scores:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in unscored[:3])
        raise DataError(
            f"none of {len(unscored)} restored scans has a truth that fits: {reasons}",
            where=str(truth),
            hint="Lay the complete scans out like the input: they are matched by relative path.",
        )
    return Judged(tuple(scores), tuple(unscored))


def restored_records(out: Path) -> Iterator[ScanRecord]:
    """Read the sidecars of restored scans in an output folder."""
    for file in sorted(out.rglob("*.json")):
        if ".medgan" in file.parts:
            continue
        try:
            record = ScanRecord.from_json(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            continue  # some other JSON file
        if record.status == "restored" and record.filled:
            yield record


def _score_restored(record: ScanRecord, truth: Scan, out: Path) -> list[MethodScore]:
    """Score what lies in the files, beside the classical methods on the same slices."""
    from medgan.interpolation import classical_fillers
    from medgan.restoration import compare

    restored = load_found(only_scan(_output_of(record, out)))
    positions = [filled.position for filled in record.filled]
    scores = compare(_same_stretch(truth, restored), restored, positions, classical_fillers())
    return [replace(score, scan=record.id) for score in scores]


def _same_stretch(truth: Scan, restored: Scan) -> Scan:
    """Cut a truth that goes on beyond the restored stack to the positions of that stack."""
    from medgan.data.splits import Part, crop_to_part

    corner = np.linalg.solve(truth.affine, restored.affine[:, 3])
    first = round(float(corner[truth.axis]))
    last = first + restored.n_positions
    if truth.n_positions == restored.n_positions or not 0 <= first < last <= truth.n_positions:
        return truth  # `compare` says what does not fit
    return crop_to_part(truth, Part("test", range(first, last)))


def _output_of(record: ScanRecord, out: Path) -> Path:
    """Return the image among a record's outputs: the NIfTI, or the folder of the series."""
    volumes = [
        n for n in record.outputs if n.endswith(".nii.gz") and not n.endswith("_mask.nii.gz")
    ]
    if volumes:
        return out / volumes[0]
    slices = [name for name in record.outputs if name.endswith(".dcm")]
    if not slices:
        raise DataError(
            "its record names no image",
            where=record.id,
            hint="Restore it again with an image format.",
        )
    return (out / slices[0]).parent
