"""Restored scans against complete ones: filled slices scored beside the classical methods."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from medgan.assessment.difference_map import write_difference
from medgan.assessment.image_cases import only_scan
from medgan.errors import DataError, MedganError
from medgan.record import ScanRecord
from medgan.scans import Found, Scan, discover, load_found
from medgan.scans.apart import check_apart

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
        Restored scans without a truth, with one that does not fit, or with one of which slices
        were made by a program: id and reason.
    """

    scores: tuple[MethodScore, ...]
    unscored: tuple[tuple[str, str], ...]


def judge_restored(truth: Path, out: Path, say: Say, maps: Path | None = None) -> Judged:
    """Score filled slices of an output folder against complete scans, beside classical methods.

    Parameters
    ----------
    truth
        The complete scans, laid out as the input was.
    out
        Output folder of `medgan restore`.
    maps
        Folder for a difference map of every scan that is scored; must lie apart from the others.

    Raises
    ------
    DataError
        If nothing was restored there, or no restored scan has a truth that fits.
    """
    if maps is not None:
        check_apart(truth, maps)
        check_apart(out, maps)
    records = list(restored_records(out))
    if not records:
        raise DataError(
            "no scan with filled slices lies there",
            where=str(out),
            hint="Name the output folder of `medgan restore`, truth first.",
        )
    truths: dict[int, dict[str, Found]] = {}
    scores: list[MethodScore] = []
    unscored: list[tuple[str, str]] = []
    for record in records:
        # A volume file does not always tell its slice axis: the record knows where the gaps were.
        if record.axis not in truths:
            images = discover(truth, record.axis).images
            truths[record.axis] = {found.id: found for found in images}
        if record.id not in truths[record.axis]:
            unscored.append((record.id, "no scan of that name in the truth"))
            continue
        say(record.id)
        try:
            found, why = _score_restored(
                record, load_found(truths[record.axis][record.id]), out, maps
            )
            scores += found
            unscored += [(record.id, why)] if why else []
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
            document = json.loads(file.read_text(encoding="utf-8"))
            # In a BIDS tree the record is one key of the sidecar.
            record = ScanRecord.from_json(document.get("medgan", document))
        except (ValueError, TypeError, AttributeError):
            continue  # some other JSON file
        if record.status == "restored" and record.filled:
            yield record


def _score_restored(
    record: ScanRecord, truth: Scan, out: Path, maps: Path | None
) -> tuple[list[MethodScore], str]:
    """Score what lies in the files, beside the classical methods on the same slices.

    Returns
    -------
    tuple
        The scores, and which slices are left out because their truth is none; may be empty.
    """
    from medgan.interpolation import classical_fillers
    from medgan.restoration import compare

    restored = load_found(only_scan(_output_of(record, out), record.axis))
    positions = [filled.position for filled in record.filled]
    same = _same_stretch(truth, restored)
    no_truth = same.present & ~same.truth
    made = [p for p in positions if p < same.n_positions and no_truth[p]]
    why = f"in the truth, too, positions {made} were made by a program" if made else ""
    measured = same.without(np.flatnonzero(no_truth).tolist())
    positions = [p for p in positions if p not in made]
    if not positions:
        return [], why
    scores = compare(measured, restored, positions, classical_fillers())
    if maps is not None:
        write_difference(restored, measured, positions, maps)
    return [replace(score, scan=record.id) for score in scores], why


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
