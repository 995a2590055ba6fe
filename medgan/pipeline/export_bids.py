"""The side files of one scan in a BIDS-derivatives tree: sidecars, and what stands at its top."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import medgan
from medgan.pipeline.export_places import MISSING, BidsPlaces, bids_name_of
from medgan.pipeline.export_proof import with_proof
from medgan.pipeline.export_words import corrections_in_words
from medgan.pipeline.stage import Context, Work
from medgan.record import DISCLAIMER, ScanRecord, dump
from medgan.scans import carried_over, dataset_files, mask_sidecar, sidecar
from medgan.scans.atomic import write_bytes
from medgan.scans.straighten import NOTE

_MASKS = {
    True: "1 in slices that are missing: their value in the image was not measured",
    False: "1 in voxels that a program made, 0 in measured ones",
}


def bids_places(work: Work, context: Context) -> BidsPlaces:
    """Say where the files of a scan go."""
    records = [volume.record for volume in work.volumes]
    is_restored = any(record.filled or record.regions or record.corrections for record in records)
    is_straightened = any(record.resampled for record in records)
    plain = "resampled" if is_straightened else "asread"
    desc = "restored" if is_restored or _is_thinned(work) else plain
    return BidsPlaces(context.out, bids_name_of(work, context), desc, is_straightened)


def with_bids_files(
    work: Work, written: Sequence[Path], places: BidsPlaces, context: Context
) -> Work:
    """Write a sidecar beside each volume file, and the files at the top of the tree."""
    image, *masks = written
    beside = [_json_of(path) for path in written]
    top = {context.out / name: text for name, text in dataset_files(medgan.__version__).items()}
    files = [path.relative_to(context.out).as_posix() for path in (*written, *beside, *top)]
    volumes = [
        replace(volume, record=replace(volume.record, outputs=tuple(files)))
        for volume in with_proof(work, written, context).volumes
    ]
    records = [volume.record for volume in volumes]
    write_bytes(beside[0], dump(_image_sidecar(records, places, work)).encode())
    shown = image.relative_to(context.out).as_posix()
    more = {"Resolution": NOTE} if places.is_straightened else {}
    for path in masks:
        text = _MASKS[path == places.mask(MISSING)]
        write_bytes(_json_of(path), dump({**mask_sidecar(shown, text), **more}).encode())
    for path, text in top.items():
        write_bytes(path, text.encode())
    return replace(work, volumes=tuple(volumes), outputs=(*work.outputs, *written, *beside, *top))


def _image_sidecar(records: Sequence[ScanRecord], places: BidsPlaces, work: Work) -> dict[str, Any]:
    sources = tuple(dict.fromkeys(name for record in records for name in record.sources))
    more: dict[str, Any] = {"SliceAxis": records[0].axis, **_carried(work)}
    if "task" in places.name.entities:
        more["TaskName"] = places.name.entities["task"]
    if places.is_straightened:
        more["Resolution"] = NOTE
    if work.volumes[0].is_label:
        more = {"SpatialReference": "orig"}
    documents = [record.as_json() for record in records]
    record = documents[0] if len(documents) == 1 else {"volumes": documents}
    return sidecar(sources, f"{_description(records)}. {DISCLAIMER}.", record, **more)


def _carried(work: Work) -> dict[str, float | bool]:
    """Take over figures from the sidecar beside a source that is a BIDS file."""
    file = work.volumes[0].scan.source.files[:1]
    if not file or file[0] is None or work.volumes[0].scan.format != "nifti":
        return {}
    beside = file[0].with_name(file[0].name.partition(".")[0] + ".json")
    try:
        return carried_over(json.loads(beside.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}  # none there, or none that can be read


def _description(records: Sequence[ScanRecord]) -> str:
    if len(records) > 1:
        return f"{len(records)} volumes; what was done to each is under medgan"
    (record,) = records
    done = _what_was_done(record)
    return f"{done}, then resampled to a straight grid" if record.resampled else done


def _what_was_done(record: ScanRecord) -> str:
    filled = [made.position for made in record.filled]
    if filled:
        return f"Slices {filled} along voxel axis {record.axis} were filled in"
    if record.corrections:
        return f"Every slice was changed: {corrections_in_words(record)}"
    if record.regions:
        return f"{len(record.regions)} regions inside slices were filled in"
    if record.missing:
        return f"As read; slices {list(record.missing)} along voxel axis {record.axis} are missing"
    return "As read"


def _is_thinned(work: Work) -> bool:
    return any(volume.n_thin > 1 for volume in work.volumes)


def _json_of(path: Path) -> Path:
    return path.with_name(path.name.removesuffix(".nii.gz") + ".json")
