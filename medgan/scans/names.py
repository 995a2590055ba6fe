"""Names that are safe as file names, carry no odd characters, and are unique in one listing."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

MAX_LENGTH = 60

_SAFE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)
"""Devices on Windows, whatever follows the first dot; an output may be copied there."""


def safe_name(text: str, *, dots: bool = False) -> str:
    """Reduce a text to ASCII letters, digits, `-` and `_`; accents are dropped, the rest joined.

    Parameters
    ----------
    text
        Any text, e.g. a series description in any script.
    dots
        Keep inner dots (file stems); never a leading one.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9._-]+" if dots else r"[^A-Za-z0-9_-]+", "_", plain)
    name = re.sub(r"_{2,}", "_", kept)[:MAX_LENGTH].strip("._-")
    return f"{name.partition('.')[0]}_" if _is_reserved(name) else name


def safe_path(path: PurePosixPath) -> PurePosixPath:
    """Make sure that a relative path stays below where it is put: the last word on every scan id.

    Parts that are safe, which all should be by now, stay as they are.
    """
    parts = (part for part in path.parts if part != "/")
    return PurePosixPath(
        *(
            part
            if _SAFE.fullmatch(part) and not _is_reserved(part)
            else safe_name(part, dots=True) or "scan"
            for part in parts
        )
    )


def _is_reserved(name: str) -> bool:
    return name.partition(".")[0].lower() in _RESERVED


def stem_of(path: Path) -> str:
    """File name without its scan suffix: `.nii.gz` and its like count as one."""
    name = path.name
    doubled = (kind + packed for kind in (".nii", ".hdr", ".img") for packed in (".gz", ".bz2"))
    for suffix in (*doubled, path.suffix):
        if suffix and name.lower().endswith(suffix.lower()):
            return name[: -len(suffix)]
    return name


def relative_folder(paths: Iterable[Path], base: Path) -> PurePosixPath:
    """Nearest common folder of some files, relative to `base`, each part made safe."""
    common = Path(os.path.commonpath([str(path.parent) for path in paths]))
    parts = common.relative_to(base).parts if common.is_relative_to(base) else ()
    return PurePosixPath(*(safe_name(part, dots=True) or "folder" for part in parts))


OURS = frozenset({"report"})
"""Names at the top of an output folder that are no scan's."""


def make_unique(names: Sequence[str]) -> list[str]:
    """Append `_2`, `_3`, ... to repeated names and to names of ours, in the given order.

    Letter case does not make names different: outputs may go to a file system that ignores it.
    """
    taken = set(OURS)
    unique: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate.lower() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.lower())
        unique.append(candidate)
    return unique
