"""What is known of training cases: from a table beside the scans, or measured on their labels."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.data.signed_distance import decode
from medgan.data.space import Space
from medgan.errors import DataError
from medgan.synthesis.conditions import MOST_CLASSES

VOLUME = "volume_"
"""`volume_2` is the volume of label 2 in mm3 (in 2D its area in mm2), measured on each sample."""

IDS = ("id", "case", "participant_id", "name")
"""Columns that may name the cases of a table."""


def condition_table(
    names: Sequence[str],
    file: Path | None,
    ids: Sequence[str],
    samples: NDArray[np.floating],
    space: Space,
) -> dict[str, list[str]]:
    """Return the values of each condition for n samples, as text.

    Parameters
    ----------
    names
        `volume_<label value>`, or columns of the table.
    file
        CSV or TSV with a column `id`, `case`, `participant_id` or `name`.
    ids
        Case of each sample.
    samples
        (n, C, *S) as prepared.

    Raises
    ------
    DataError
        If the table cannot be read, a case or column is missing or told in two ways, or a condition
        is the same for all.
    """
    measured = {name for name in names if name.startswith(VOLUME)}
    rows = _rows(file) if measured != set(names) else {}
    table = {
        name: _volumes(name, samples, space) if name in measured else _of_table(name, rows, ids)
        for name in names
    }
    for name, values in table.items():
        n_values = len(set(values))
        if n_values < 2 or (n_values > MOST_CLASSES and not all(map(_is_number, values))):
            raise DataError(
                f"{name} has {n_values} values: neither numbers nor 2 to {MOST_CLASSES} classes",
                where="conditions",
                hint="Leave it out, or mend the table.",
            )
    return table


def _rows(file: Path | None) -> dict[str, dict[str, str]]:
    """Read a table by the id of its cases."""
    if file is None or not file.is_file():
        raise DataError(
            "there is no table of conditions",
            where="conditions_file",
            hint="Name a CSV or TSV file: --set conditions_file=cases.csv",
        )
    delimiter = "\t" if file.suffix == ".tsv" else ","
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:  # spreadsheets put a mark there
            found = list(csv.DictReader(stream, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"the table cannot be read: {error}",
            where=file.name,
            hint="Save it as CSV in UTF-8.",
        ) from error
    column = next((name for name in IDS if found and name in found[0]), None)
    if column is None:
        raise DataError(
            "the table has no column that names the cases",
            where=file.name,
            hint=f"Call it {' or '.join(IDS)}.",
        )
    rows = {row[column]: row for row in found}
    twice = next((row[column] for row in found if rows[row[column]] != row), None)
    if twice is not None:
        raise DataError(
            f"{twice} has two rows that differ",
            where=file.name,
            hint="Keep one row for each case.",
        )
    return rows


def _of_table(name: str, rows: dict[str, dict[str, str]], ids: Sequence[str]) -> list[str]:
    values = [(rows.get(case) or {}).get(name) or "" for case in ids]
    n_missing = sum(not _is_known(value.strip()) for value in values)
    if n_missing:
        raise DataError(
            f"{name} is not known of {n_missing} of {len(ids)} training samples",
            where="conditions_file",
            hint="Cases are named as `medgan inspect` names them, e.g. hippocampus_001.",
        )
    return [value.strip() for value in values]


def _volumes(name: str, samples: NDArray[np.floating], space: Space) -> list[str]:
    values = {str(value): value for value in space.label_values}
    wanted = values.get(name.removeprefix(VOLUME))
    if wanted is None:
        raise DataError(
            f"there is no label {name.removeprefix(VOLUME)} to measure",
            where="conditions",
            hint=f"Labels are {', '.join(values) or 'none'}.",
        )
    sizes = [
        size
        for axis, size in enumerate(space.spacing_mm)
        if space.spatial_dims == 3 or axis != space.slice_axis
    ]
    voxel = float(np.prod(sizes))
    counts = [(decode(one[1:], space.label_values) == wanted).sum() for one in samples]
    return [f"{count * voxel:g}" for count in counts]


def _is_known(text: str) -> bool:
    """Whether it is neither blank nor a word for no number: statistics programs write `nan`."""
    return text not in ("", "n/a") and not (_is_number(text) and not math.isfinite(float(text)))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
