"""What is known of training cases: from a table beside the scans, or from the scans themselves."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.data.signed_distance import decode
from medgan.data.space import Space
from medgan.errors import DataError
from medgan.synthesis.conditions import MODALITY, MOST_CLASSES
from medgan.synthesis.settings import ConditionedRecipe

VOLUME = "volume_"
"""`volume_2` is the volume of label 2 in mm3 (in 2D its area in mm2), measured on each sample."""

IDS = ("id", "case", "participant_id", "name")
"""Columns that may name the cases of a table."""


@dataclass(frozen=True)
class Known:
    """A training case: its id, as `medgan inspect` shows it, and the modality of its scan."""

    id: str
    modality: str


def condition_table(
    recipe: ConditionedRecipe,
    cases: Sequence[Known],
    samples: NDArray[np.floating],
    space: Space,
) -> dict[str, list[str]]:
    """Return the values of each condition of a recipe for n samples, as text.

    Parameters
    ----------
    cases
        That of each sample.
    samples
        (n, C, *S) as prepared.

    Raises
    ------
    DataError
        If the table cannot be read, a case or column is missing or told in two ways, or a condition
        is the same for all.
    """
    of_scans = {name for name in recipe.conditions if name == MODALITY or name.startswith(VOLUME)}
    is_all_of_scans = of_scans == set(recipe.conditions)
    rows = {} if is_all_of_scans else _rows(recipe.conditions_file)
    table: dict[str, list[str]] = {}
    for name in recipe.conditions:
        if name == MODALITY:
            table[name] = [case.modality.upper() for case in cases]
        elif name in of_scans:
            table[name] = _volumes(name, samples, space)
        else:
            table[name] = _of_table(name, rows, [case.id for case in cases])
        _check_varies(name, table[name], len({case.id for case in cases}))
    return table


def _check_varies(name: str, values: Sequence[str], n_cases: int) -> None:
    """Refuse what nothing could be asked of, and classes of single cases: they would be named."""
    are_numbers = all(map(_is_number, values))
    n_values = len(set(map(float, values) if are_numbers else values))
    if n_values < 2:
        raise DataError(
            f"{name} is {values[0]} for all {len(values)} training samples, so that nothing else "
            "could be asked for",
            where="conditions",
            hint="Leave it out, or train on a folder in which it varies.",
        )
    if not are_numbers and n_values > min(MOST_CLASSES, max(2, n_cases // 2)):
        raise DataError(
            f"{name} has {n_values} values of {n_cases} cases, and not all are numbers: of "
            f"classes there may be 2 to {MOST_CLASSES}, of two cases or more on average",
            where="conditions",
            hint="Leave it out, or mend the table: numbers are written as 40.5, without a unit.",
        )
    with np.errstate(over="ignore", invalid="ignore"):
        spread = np.std(list(map(float, values))) if are_numbers else 1.0
    if not 0 < spread < math.inf:
        raise DataError(
            f"{name} has numbers too large or too close to each other to be told apart",
            where="conditions",
            hint="Give it another unit, or mend the table.",
        )


def _rows(file: Path | None) -> dict[str, dict[str, str]]:
    """Read a table by the id of its cases."""
    if file is None or not file.is_file():
        raise DataError(
            "there is no table of conditions",
            where="conditions_file",
            hint="Name a CSV or TSV file: --set conditions_file=cases.csv",
        )
    is_tsv = file.suffix.lower() == ".tsv"
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:  # spreadsheets put a mark there
            table = csv.DictReader(stream, delimiter="\t" if is_tsv else ",")
            columns, found = table.fieldnames or (), list(table)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"the table cannot be read: {error}",
            where=file.name,
            hint="Save it as CSV in UTF-8.",
        ) from error
    column = next((name for name in IDS if name in columns), None)
    if column is None:
        raise DataError(
            "the table has no column that names the cases",
            where=file.name,
            hint=f"Call it {' or '.join(IDS)}; there is {', '.join(columns) or 'nothing'}, read "
            f"with a {'tab' if is_tsv else 'comma'} between columns.",
        )
    doubled = sorted({name for name in columns if name and columns.count(name) > 1})
    if doubled:
        raise DataError(
            f"the table has more than one column {', '.join(doubled)}",
            where=file.name,
            hint="Keep one of each name.",
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
    columns = sorted({column for row in rows.values() for column in row if column})
    if name not in columns:
        raise DataError(
            f"the table has no column {name}",
            where="conditions_file",
            hint=f"Its columns are {', '.join(columns)}.",
        )
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
