"""Names that are safe as file names, carry no odd characters, and are unique in one listing."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

MAX_LENGTH = 60


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
    return re.sub(r"_{2,}", "_", kept)[:MAX_LENGTH].strip("._-")


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
