"""restore: fill the gaps of one scan, weighed by how well hidden slices of it were predicted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from medgan.pipeline.device import pick_device
from medgan.pipeline.stage import Context, PerScan, Volume, Work
from medgan.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medgan.interpolation import Filler
    from medgan.models.info import Kind
    from medgan.record import ScanRecord
    from medgan.restoration import RestoreSettings

CLASSICAL = "none"
"""Name of no model: classical fillers only."""


class RestoreStageSettings(Settings):
    """How gaps are filled; which ones, `index` says."""

    model: str = "slices-faithful"
    """Model folder or name of a shipped model; `none`: classical fillers only."""
    force: bool = False
    """Fill gaps that are wider than what could be tried out on the scan itself."""
    averaging: int | None = Field(None, ge=1, le=8)
    """Flips and reversals the network's answer is averaged over; None: 8 for small planes, 2
    up to 256 x 256, 1 beyond."""
    profile: tuple[float, ...] = ()
    """Thick slices: weights of the thin slices that one averages, centred on it; empty: alike over
    the distance between slices."""


def load(settings: RestoreStageSettings, context: Context) -> tuple[Filler, ...]:
    """Load every candidate, the network included, once per child."""
    from medgan.restoration import load_fillers

    return load_fillers(_chosen(settings), device=pick_device(context.device))


def model_files(settings: RestoreStageSettings, context: Context) -> tuple[Path, ...]:
    """Return the files of the model, whose content is part of every key."""
    return () if settings.model == CLASSICAL else files_of_model(settings.model, "restorer")


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


def run(
    work: Work, settings: RestoreStageSettings, context: Context, loaded: tuple[Filler, ...]
) -> Work:
    """Fill every volume; a scan in which nothing is to be made passes unchanged."""
    return replace(work, volumes=tuple(_done(v, settings, loaded) for v in work.volumes))


def _done(volume: Volume, settings: RestoreStageSettings, fillers: tuple[Filler, ...]) -> Volume:
    if volume.n_thin > 1:
        return _thinned(volume, settings, fillers)
    if volume.marked is not None:
        return _region_filled(volume, volume.marked, settings)
    return _restored(volume, settings, fillers) if volume.record.missing else _passed(volume)


def _restored(
    volume: Volume, settings: RestoreStageSettings, fillers: tuple[Filler, ...]
) -> Volume:
    from medgan.restoration import restore_scan

    known = volume.record
    missing = known.missing if volume.scan.missing != known.missing else None
    # Ends are missing only where `index` was asked to take them for missing.
    chosen = _chosen(settings, missing=missing, fill_ends=True)
    scan, record = restore_scan(volume.scan, chosen, fillers)
    seen = ("ruler", "missing", "missing_instances", "damaged")
    return replace(volume, scan=scan, record=_as_found(known, record, seen))


def _region_filled(
    volume: Volume, marked: NDArray[np.bool_], settings: RestoreStageSettings
) -> Volume:
    from medgan.restoration import fill_region

    scan, record = fill_region(volume.scan, marked, force=settings.force)
    return replace(volume, scan=scan, record=_as_found(volume.record, record))


def _thinned(volume: Volume, settings: RestoreStageSettings, fillers: tuple[Filler, ...]) -> Volume:
    from medgan.restoration import thin_slices

    scan, record = thin_slices(volume.scan, volume.n_thin, fillers, settings.profile)
    return replace(volume, measured=scan, scan=scan, record=_as_found(volume.record, record))


def _chosen(settings: RestoreStageSettings, **changes: object) -> RestoreSettings:
    from medgan.restoration import RestoreSettings

    return RestoreSettings(**settings.model_dump(exclude={"profile"}), **changes)


def _as_found(known: ScanRecord, record: ScanRecord, seen: tuple[str, ...] = ()) -> ScanRecord:
    """Keep what `index` told of a scan."""
    told = {name: getattr(known, name) for name in ("id", "sources", *seen)}
    notes = tuple(dict.fromkeys((*known.notes, *record.notes)))
    return replace(record, **told, notes=notes)


def _passed(volume: Volume) -> Volume:
    hashes = {str(p): volume.scan.slice_hash(p) for p in range(volume.scan.n_positions)}
    record = replace(volume.record, status="copied", measured_hashes=hashes)
    return replace(volume, record=record)


RESTORE = PerScan("restore", 3, RestoreStageSettings, run, load, model_files)
