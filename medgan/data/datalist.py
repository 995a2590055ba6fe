"""Cases from a MONAI datalist: a JSON file that names image and label paths."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from medgan.data.cases import Case, Cases, Unpaired, first_reason
from medgan.errors import DataError
from medgan.scans import CHANNEL, EXTENSIONS, Found, discover

DATALISTS = ("dataset.json", "datalist.json")


def find_datalist(path: Path) -> tuple[Path, dict[str, Any]] | None:
    """Return a MONAI datalist that is, or lies in, the path; None where there is none."""
    is_named = path.is_file() and path.suffix == ".json"
    for candidate in [path] if is_named else [path / name for name in DATALISTS]:
        if not candidate.is_file():
            continue
        try:
            document = json.loads(candidate.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                "not a JSON file", where=candidate.name, hint="Correct it, or move it away."
            ) from error
        if isinstance(document, dict) and isinstance(document.get("training"), list):
            return candidate, document
        # nnU-Net's dataset.json describes the data set but lists no files.
        if is_named:
            raise DataError(
                "a datalist needs a list `training` of image and label paths",
                where=candidate.name,
                hint='Example: {"training": [{"image": "a.nii.gz", "label": "b.nii.gz"}]}',
            )
    return None


def read_datalist(file: Path, document: dict[str, Any]) -> Cases:
    """Read the cases of section `training`; the paths are relative to the file."""
    pairs: list[Case] = []
    unpaired: list[Unpaired] = []
    ids: set[str] = set()
    for entry in document["training"]:
        image, label = _named(entry, file, "image"), _named(entry, file, "label")
        if image is None:
            raise DataError(
                "an entry of `training` has no `image`", where=file.name, hint="Add its path."
            )
        missing = [path for path in (image, label) if path is not None and not _exists(path)]
        if missing:
            unpaired.append(Unpaired(_shown(image, file), f"{missing[0].name} does not exist"))
            continue
        case_id = _unique(CHANNEL.sub("", EXTENSIONS.sub("", image.name)), ids)
        found = _only(image, "image")
        pairs.append(Case(case_id, found, _only(label, "label") if label else None))
    if not pairs:
        raise DataError(
            f"none of {len(document['training'])} entries can be used; {first_reason(unpaired)}",
            where=file.name,
            hint="Paths in a datalist are relative to the folder it lies in.",
        )
    return Cases(tuple(sorted(pairs, key=lambda case: case.id)), tuple(unpaired))


def paths_in_datalist(file: Path, document: dict[str, Any]) -> tuple[Path, ...]:
    """Return the images and label maps that section `training` names and that exist."""
    entries = [(entry, key) for entry in document["training"] for key in ("image", "label")]
    named = [_named(entry, file, key) for entry, key in entries]
    return tuple(path for path in named if path is not None and _exists(path))


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that no disk can hold
        return False


def _named(entry: Any, file: Path, key: str) -> Path | None:
    """Return the path an entry gives for `image` or `label`; MONAI allows a list of one."""
    value = entry.get(key) if isinstance(entry, dict) else None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return file.parent / value if isinstance(value, str) else None


def _only(path: Path, kind: str) -> Found:
    scans = discover(path).scans
    if len(scans) != 1:
        raise DataError(
            f"expected one scan, found {len(scans)}", where=path.name, hint="Name a single scan."
        )
    return replace(scans[0], kind=kind)


def _shown(path: Path, file: Path) -> str:
    inside = path.is_relative_to(file.parent)
    return path.relative_to(file.parent).as_posix() if inside else path.name


def _unique(name: str, taken: set[str]) -> str:
    candidate, n = name, 1
    while candidate in taken:
        n += 1
        candidate = f"{name}_{n}"
    taken.add(candidate)
    return candidate
