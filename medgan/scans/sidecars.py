"""Find what says, in an output folder, which files belong to which scan and what they must hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from medgan.record import ScanRecord
from medgan.scans.volume_files import volume_suffix

_OURS = {"id", "status", "outputs", "measured_hashes"}
_OTHERS = {"report.json", "dataset.json", "dataset_description.json", "model.json"}
"""JSON files of ours that are no sidecars."""


@dataclass(frozen=True)
class Sidecar:
    """One sidecar.

    Parameters
    ----------
    name
        Path relative to the output folder.
    records
        One, or those of all volumes of a 4D scan.
    fault
        Why it cannot be read; then there are no records.
    """

    name: str
    records: tuple[ScanRecord, ...] = ()
    fault: str = ""


def read_sidecars(out: Path) -> tuple[Sidecar, ...]:
    """Read every sidecar below a folder, in order of name; those that are damaged included."""
    found = (_read(path, out) for path in files_below(out) if path.suffix == ".json")
    return tuple(sidecar for sidecar in found if sidecar is not None)


def files_below(out: Path) -> Iterator[Path]:
    """Yield the files of an output folder, sorted; hidden ones and what lies in hidden folders not.

    Those are no results.
    """
    for path in sorted(out.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(out).parts)
        if not is_hidden and path.is_file():
            yield path


def unnamed(out: Path, sidecars: tuple[Sidecar, ...]) -> list[str]:
    """Return scan files that no sidecar names: strangers, or their sidecar has gone."""
    named = {name for one in sidecars for record in one.records for name in record.outputs}
    scans = (
        path.relative_to(out).as_posix()
        for path in files_below(out)
        if path.suffix.lower() == ".dcm" or volume_suffix(path)
    )
    return [name for name in scans if name not in named]


def is_below(name: str) -> bool:
    """Whether an output named in a sidecar stays in its folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts


def _read(path: Path, out: Path) -> Sidecar | None:
    name = path.relative_to(out).as_posix()
    if path.name in _OTHERS:
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        return Sidecar(name, fault=f"cannot be read ({type(error).__name__})")
    documents = _records_in(document)
    if not documents:
        return None
    try:
        return Sidecar(name, tuple(ScanRecord.from_json(one) for one in documents))
    except (ValueError, TypeError):  # pydantic's error is a ValueError; its text quotes values
        return Sidecar(name, fault="holds no record of a scan that can be read")


def _records_in(document: Any) -> list[dict[str, Any]]:
    """Return the records of a sidecar as written flat, or below `medgan` in a BIDS tree."""
    if not isinstance(document, dict):
        return []
    within = document.get("medgan")
    if isinstance(within, dict):
        document = within
    volumes = document.get("volumes")
    listed = volumes if isinstance(volumes, list) else [document]
    return [one for one in listed if isinstance(one, dict) and one.keys() >= _OURS]
