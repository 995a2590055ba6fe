"""What results depend on beside settings: files of scans, of whole folders, and of models."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from medgan.errors import DataError
from medgan.pipeline.stage import Context
from medgan.scans import Found, files_of_volume, volume_suffix
from medgan.scans.discover import walk

if TYPE_CHECKING:
    from medgan.models.info import Kind


def files_of_scans(volumes: Sequence[Found]) -> tuple[Path, ...]:
    """Return the files of one item, each once, those that lie beside a detached header included."""
    files: dict[Path, None] = {}
    for found in volumes:
        for file in found.source.files:
            if file is not None:
                files[file] = None
    if len(files) == 1:
        (header,) = files
        if volume_suffix(header):
            return files_of_volume(header)
    return tuple(files)


def files_of_input(context: Context) -> tuple[Path, ...]:
    """Return every file that a stage may read that reads the whole input.

    Linked folders are followed, as by everything that looks for scans, and so are the paths of a
    datalist, which may lie anywhere.
    """
    from medgan.data.datalist import find_datalist, paths_in_datalist

    if context.input is None:
        return ()
    named: tuple[Path, ...] = ()
    with suppress(DataError):  # the stage itself says what is wrong with a datalist
        datalist = find_datalist(context.input)
        named = paths_in_datalist(*datalist) if datalist else ()
    found = [file for path in (context.input, *named) for file in walk(path) if file.is_file()]
    beside = (part for file in found if volume_suffix(file) for part in files_of_volume(file))
    return tuple(dict.fromkeys((*found, *beside)))


def files_of_model(name: str, kind: Kind | None = None) -> tuple[Path, ...]:
    """Return weights and description of a model folder, or of a shipped model by name.

    Raises
    ------
    ModelError
        If there is no such model, its description is not one, or it is of another kind.
    """
    from medgan.models.info import INFO, WEIGHTS, find_model, read_info

    folder = find_model(name, kind)
    read_info(folder)
    return folder / INFO, folder / WEIGHTS


def resolve_model(name: str, context: Context) -> str:
    """Find a model that the pipeline has trained itself below the output folder."""
    from medgan.models.info import INFO

    inside = context.out / name
    return str(inside) if (inside / INFO).is_file() else name
