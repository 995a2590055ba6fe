"""What the ledger knows of an output folder: what was written, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from medgan.pipeline.digests import FILES
from medgan.pipeline.ledger import read_lines
from medgan.pipeline.stage import STATE
from medgan.pipeline.state_files import all_parts


def read_outputs(out: Path) -> dict[str, str]:
    """Return the outputs that the last runs left, with their sha256; empty without a ledger."""
    by_unit: dict[str, dict[str, Any]] = {}
    for line in read_lines(out / STATE):
        if line.get("status") == "done":
            by_unit[line["unit"]] = line
    return {
        output["path"]: output["sha256"] for line in by_unit.values() for output in line["outputs"]
    }


def source_root(out: Path, sources: Sequence[str]) -> Path | None:
    """Return the folder that a scan was read from, where it is still there.

    Parameters
    ----------
    sources
        Files of the scan, relative to that folder. A de-identified scan names none that exist.
    """
    if not sources:
        return None
    depth = len(PurePosixPath(sources[0]).parts)
    for file in _hashed(out):
        if file.parts[-depth:] == PurePosixPath(sources[0]).parts and file.is_file():
            return file.parents[depth - 1]
    return None


def _hashed(out: Path) -> list[Path]:
    """Return every file that runs have hashed, the latest first."""
    paths: dict[Path, None] = {}
    for file in all_parts(out / STATE, FILES):
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                paths[Path(json.loads(line)[0])] = None
            except (ValueError, TypeError, IndexError):
                continue  # a line torn by a crash
    return [path for path in reversed(paths) if not path.is_relative_to(out.absolute())]
