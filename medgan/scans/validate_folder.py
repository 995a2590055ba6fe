"""Prove a whole output folder: every file against its sidecar, its source, and dciodvfy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from medgan.record import ScanRecord
from medgan.scans.atomic import sha256_of
from medgan.scans.dciodvfy import is_installed, new_errors
from medgan.scans.scan import Scan
from medgan.scans.sidecars import Sidecar, read_sidecars, unnamed
from medgan.scans.validate_files import series_of, validate_files
from medgan.scans.validate_source import Sources, measured, validate_against

SourcesOf = Callable[[ScanRecord], "Sources | None"]


@dataclass(frozen=True)
class ScanCheck:
    """What came of one scan.

    Parameters
    ----------
    measured, made
        Slices compared by hash, and slices marked as made; each once for every format.
    is_compared
        Its source was at hand, and all was compared with it too.
    n_judged
        Files that dciodvfy has judged.
    notes
        What could not be proved, and why.
    faults
        What is not as it was meant; empty: all is.
    """

    id: str
    sidecar: str
    n_files: int = 0
    measured: int = 0
    made: int = 0
    is_compared: bool = False
    n_judged: int = 0
    notes: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Said:
    """What one step of a check found wrong, and what it could not prove."""

    faults: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def validate_folder(
    out: Path,
    sources_of: SourcesOf = lambda record: None,
    written: Mapping[str, str] | None = None,
    *,
    must_find: bool = False,
) -> Iterator[ScanCheck]:
    """Check every scan below an output folder, one by one.

    Parameters
    ----------
    sources_of
        Where the scan of a record may be found again; None: nowhere.
    written
        Output -> sha256 as the ledger has it: it knows sidecars too, and files that have gone.
    must_find
        A source that is not found is a fault.

    Yields
    ------
    One check a scan; a last one with an empty id for files that belong to none, where there is
    something to say of them.
    """
    sidecars = read_sidecars(out)
    told = dict(written or {})
    for sidecar in sidecars:
        if sidecar.fault:
            yield ScanCheck(sidecar.name, sidecar.name, faults=(f"it {sidecar.fault}",))
        for record in sidecar.records:
            yield _check(sidecar, record, out, sources_of(record), told, must_find=must_find)
    faults = [f"{name}: no sidecar names it" for name in unnamed(out, sidecars)]
    if sidecars or told:
        faults += _lost(out, sidecars, told)
    if faults:
        yield ScanCheck("", "", faults=tuple(faults))


def _check(
    sidecar: Sidecar,
    record: ScanRecord,
    out: Path,
    sources: Sources | None,
    told: Mapping[str, str],
    *,
    must_find: bool,
) -> ScanCheck:
    if sidecar.name not in record.outputs:
        what = f"it is the sidecar of another scan, {record.id}"
        return ScanCheck(record.id, sidecar.name, faults=(what,))
    found = validate_files(record, out)
    is_changed = _is_changed(out / sidecar.name, told.get(sidecar.name))
    changed = (f"{sidecar.name}: was changed since it was written",) if is_changed else ()
    old = "its sidecar is of an older version and holds no hashes of files"
    source, search = _source(record, sources, must_find=must_find)
    against = validate_against(source, record, out) if source is not None else ""
    n_judged, judged = _judge(record, source, out)
    differs = (against,) if against else ()
    return ScanCheck(
        id=record.id,
        sidecar=sidecar.name,
        n_files=len(record.outputs),
        measured=found.measured,
        made=found.made,
        is_compared=source is not None,
        n_judged=n_judged,
        notes=(*(() if record.output_hashes else (old,)), *search.notes, *judged.notes),
        faults=(*changed, *found.faults, *search.faults, *differs, *judged.faults),
    )


def _is_changed(path: Path, told: str | None) -> bool:
    return told is not None and path.is_file() and sha256_of(path) != told


def _source(
    record: ScanRecord, sources: Sources | None, *, must_find: bool
) -> tuple[Scan | None, _Said]:
    """Find the source of a scan, and say so where it is not what it was."""
    if record.status == "synthetic":
        return None, _Said()
    if not measured(record):
        what = "no slice of it is as it was in the source: there is nothing to compare"
        return None, _Said(notes=(what,))
    if sources is None:
        return None, _Said(notes=("its source is not at hand (--source)",))
    source = sources.find(record)
    if source is not None:
        return source, _Said()
    if sources.has_named(record):
        what = (
            "its source is there, but holds other slices: it has changed, or the sidecar is of "
            "another scan"
        )
        return None, _Said(faults=(what,))
    lost = ("its source was not found",)
    return None, _Said(faults=lost) if must_find else _Said(notes=lost)


def _judge(record: ScanRecord, source: Scan | None, out: Path) -> tuple[int, _Said]:
    """Ask dciodvfy about the first file of each series, every filled slice and other objects."""
    files = _to_judge(record, out) if is_installed() else {}
    is_copy = record.format == "dicom" and record.status != "synthetic"
    faults: list[str] = []
    notes: list[str] = []
    for name, position in files.items():
        before = _file_at(source, position) if is_copy and source is not None else None
        said = [f"{name}: dciodvfy: {error}" for error in new_errors(out / name, before)]
        # Without the source, nobody can tell whether it had the same errors.
        (notes if is_copy and before is None else faults).extend(said)
    return len(files), _Said(tuple(faults), tuple(notes))


def _to_judge(record: ScanRecord, out: Path) -> dict[str, int]:
    """Return files to judge, each with the position it is about."""
    there = [name for name in record.outputs if (out / name).is_file()]
    chosen: dict[str, int] = {}
    made = {filled.position for filled in record.filled}
    for names in series_of(record, there).values():
        for number, name in enumerate(sorted(names)):
            stem = name.rpartition("/")[2].partition(".")[0]
            position = int(stem) - 1 if stem.isdecimal() else 0
            if number == 0 or not stem.isdecimal() or position in made:
                chosen[name] = position
    return chosen


def _file_at(source: Scan, position: int) -> Path | None:
    """Return the source file at a position, or the nearest to it."""
    files = {p: file for p, file in enumerate(source.source.files) if file is not None}
    if not files:
        return None
    return files[min(files, key=lambda p: abs(p - position))]


def _lost(out: Path, sidecars: tuple[Sidecar, ...], told: Mapping[str, str]) -> list[str]:
    """Compare with the ledger what no readable sidecar speaks of."""
    known = {name for one in sidecars for record in one.records for name in record.outputs}
    rest = [name for name in sorted(told) if name not in known]
    gone = [f"{name}: is missing" for name in rest if not (out / name).is_file()]
    changed = [
        f"{name}: was changed since it was written"
        for name in rest
        if _is_changed(out / name, told[name])
    ]
    return gone + changed
