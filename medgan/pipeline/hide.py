"""What a run may tell when it de-identifies: pseudonyms for scans and files, texts without names.

File names, folder names and series descriptions are what names of people hide in. All that a
source has listed passes through here before any of it is shown, logged or written; so do faults.
"""

from __future__ import annotations

import os
import re
import traceback
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from medgan.errors import MedganError, ReadError, StageError
from medgan.pipeline.digests import FileDigests
from medgan.pipeline.pseudonym import pseudonym
from medgan.pipeline.scrub import forms_of, scrub, words_of
from medgan.pipeline.stage import Context, Item, Listed, Work
from medgan.record import Failure, ScanRecord
from medgan.scans import Scan

_SETTING = re.compile(r"^(export|restore|index)\.[a-z_]+$|^MEDGAN_SALT$")
_OPTION = re.compile(r"--[a-z-]+(?:, --[a-z-]+)*")


def hide_listed(listed: Listed, context: Context, digests: FileDigests) -> Listed:
    """Return what a source listed under pseudonyms."""
    return replace(
        listed,
        items=tuple(_item(item, context, digests) for item in listed.items),
        records=tuple(_listed_record(record, context) for record in listed.records),
        notes=tuple(_note(note, context) for note in listed.notes),
    )


def hide_work(work: Work, item: Item, context: Context) -> Work:
    """Return an opened scan with the name and the notes that it was listed under."""
    words = _known(context, item.secrets)
    volumes = [
        replace(
            volume,
            scan=_scan(volume.scan, volume.record.id, words),
            measured=volume.measured and _scan(volume.measured, volume.record.id, words),
        )
        for volume in work.volumes
    ]
    return replace(work, volumes=tuple(volumes))


def hide_failure(failure: Failure, context: Context, item: Item | None) -> Failure:
    """Return a failure without names; it is met at the scan, or in the output folder."""
    words = _known(context, () if item is None else item.secrets)
    is_ours = _is_ours(failure.where, context)
    neutral = "" if item is None else item.id
    return replace(
        failure,
        what=scrub(failure.what, *words),
        where=failure.where if is_ours else neutral,
        hint=scrub(failure.hint, *words),
    )


def hidden_error(error: Exception, context: Context) -> MedganError:
    """Return an error that ends a run, without names."""
    if not isinstance(error, MedganError):
        return StageError(
            f"the program met a fault that it did not foresee ({type(error).__name__})",
            where=plain_trace(error).splitlines()[-2],
            hint="Please report it.",
        )
    words = _known(context)
    # After the colon stands the first file that could not be read.
    what = error.what.partition(": ")[0] if isinstance(error, ReadError) else error.what
    option = _OPTION.match(error.where)
    where = error.where if _is_ours(error.where, context) else option.group() if option else ""
    return type(error)(scrub(what, *words), where=where, hint=scrub(error.hint, *words))


def _is_ours(where: str, context: Context) -> bool:
    """Whether an error is about the output folder, or a setting."""
    if _SETTING.match(where):
        return True
    is_input = context.input is not None and where.startswith(str(context.input))
    return where.startswith(str(context.out)) and not is_input


def hide_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of a pipeline without the path of a mask."""
    index = settings.get("index")
    if not isinstance(index, dict) or not index.get("mask"):
        return settings
    return {**settings, "index": {**index, "mask": "MASK"}}


def plain_trace(error: BaseException) -> str:
    """Return where in the program a fault arose, without its text, which may quote a header."""
    lines: list[str] = []
    fault: BaseException | None = error
    while fault is not None:
        frames = traceback.extract_tb(fault.__traceback__)
        own = [f"{_module(frame.filename)}:{frame.lineno} in {frame.name}" for frame in frames]
        lines[:0] = [*(own or ["(no place known)"]), type(fault).__name__]
        fault = fault.__cause__ or fault.__context__
    return "\n".join(lines) + "\n"


@contextmanager
def told_without_names(context: Context) -> Iterator[None]:
    """Take names out of errors where a run de-identifies, and let no library warn."""
    if not context.salt:
        yield
        return
    _names_below.cache_clear()  # there may be new files since an earlier run of this process
    try:
        with _without_warnings():
            yield
    except Exception as error:
        raise hidden_error(error, context) from None


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Keep libraries from warning, here and in children: they quote what they warn of."""
    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if before is None:
            del os.environ["PYTHONWARNINGS"]
        else:
            os.environ["PYTHONWARNINGS"] = before


def _known(context: Context, more: Iterable[str] = ()) -> tuple[frozenset[str], ...]:
    names = frozenset() if context.input is None else _names_below(context.input)
    return names, frozenset(more)


@cache
def _names_below(root: Path) -> frozenset[str]:
    """Return the words of every file and folder name below the input, archives looked into."""
    names = [PurePath(root.name), PurePath(root.parent.name)]
    seen: set[str] = set()
    for folder, below, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            below.clear()
            continue
        seen.add(real)
        names += [PurePath(folder).relative_to(root), *map(PurePath, files)]
        for file in files:
            names += _members(Path(folder, file)) if file.lower().endswith(".zip") else []
    names += _members(root) if root.is_file() else []
    return words_of(names) | {form for form in forms_of(str(root)) if "/" in form}


def _members(file: Path) -> list[PurePath]:
    try:
        with zipfile.ZipFile(file) as archive:
            return [PurePath(name.replace("\\", "/")) for name in archive.namelist()]
    except (OSError, ValueError, zipfile.BadZipFile):
        return []  # no archive, or one that nothing is read from either


def _item(item: Item, context: Context, digests: FileDigests) -> Item:
    content = item.series or "".join(digests.digest(path) for path in item.files)
    name = pseudonym("scan", f"{item.id}\0{content}", context.salt)
    ids = [PurePosixPath(record.id) for record in item.records]
    sources = [PurePosixPath(source) for record in item.records for source in record.sources]
    own = [PurePosixPath(item.id), *ids, *sources, *_below(item.files, context.input)]
    words = words_of(own)
    n = len(item.records)
    records = tuple(
        _record(record, name if n == 1 else f"{name}_v{number:03d}", context, words)
        for number, record in enumerate(item.records)
    )
    return replace(item, id=name, records=records, secrets=tuple(sorted(words)))


def _below(files: Iterable[Path], root: Path | None) -> Iterator[PurePath]:
    """Yield what tells of a person in some paths; that of a file elsewhere (an archive) whole."""
    if root is not None:
        yield PurePath(root.name)
    base = root if root is None or root.is_dir() else root.parent
    for file in files:
        is_below = base is not None and file.is_relative_to(base)
        yield file.relative_to(base) if base and is_below else PurePath(*file.parts[1:])


def _listed_record(record: ScanRecord, context: Context) -> ScanRecord:
    words = words_of(map(PurePosixPath, (record.id, *record.sources)))
    kind = "file" if record.id in record.sources else "scan"
    return _record(record, pseudonym(kind, record.id, context.salt), context, words)


def _record(record: ScanRecord, name: str, context: Context, own: frozenset[str]) -> ScanRecord:
    words = _known(context, own)
    failure = record.failure and replace(
        record.failure, what=scrub(record.failure.what, *words), where=""
    )
    return replace(
        record,
        id=name,
        sources=tuple(pseudonym("file", source, context.salt) for source in record.sources),
        notes=tuple(scrub(note, *words) for note in record.notes),
        failure=failure,
    )


def _note(note: dict[str, Any], context: Context) -> dict[str, Any]:
    words = _known(context, words_of(map(PurePosixPath, note["files"])))
    files = [pseudonym("file", name, context.salt) for name in note["files"]]
    return {"files": files, "reason": scrub(note["reason"], *words)}


def _scan(scan: Scan, name: str, words: tuple[frozenset[str], ...]) -> Scan:
    return replace(scan, id=name, notes=tuple(scrub(note, *words) for note in scan.notes))


def _module(file: str) -> str:
    """Return a source file from its package on: what lies above says whose machine it is."""
    parts = Path(file).parts
    for root in ("site-packages", "medgan"):
        if root in parts:
            at = len(parts) - 1 - parts[::-1].index(root)
            return "/".join(parts[at + (root == "site-packages") :])
    return parts[-1]
