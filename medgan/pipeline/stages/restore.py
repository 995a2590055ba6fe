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
    from medgan.interpolation import Filler

CLASSICAL = "none"
"""Name of no model: classical fillers only."""


class RestoreStageSettings(Settings):
    """How gaps are filled; which ones, `index` says."""

    model: str = "slices-faithful"
    """Model folder or name of a shipped model; `none`: classical fillers only."""
    force: bool = False
    """Fill gaps that are wider than what could be tried out on the scan itself."""
    averaging: int | None = Field(None, ge=1, le=8)
    """Flips and reversals the network's answer is averaged over; None: 8 for small scans, 1 for
    large ones."""


def load(settings: RestoreStageSettings, context: Context) -> tuple[Filler, ...]:
    """Load every candidate, the network included, once per child."""
    from medgan.restoration import RestoreSettings, load_fillers

    return load_fillers(
        RestoreSettings(**settings.model_dump()), device=pick_device(context.device)
    )


def model_files(settings: RestoreStageSettings, context: Context) -> tuple[Path, ...]:
    """Return the files of the model, whose content is part of every key."""
    return () if settings.model == CLASSICAL else files_of_model(settings.model)


def files_of_model(name: str) -> tuple[Path, ...]:
    """Return weights and description of a model folder, or of a shipped model by name.

    Raises
    ------
    ModelError
        If there is no such model, or its description is not one.
    """
    from medgan.models.info import INFO, WEIGHTS, find_model, read_info

    folder = find_model(name)
    read_info(folder)
    return folder / INFO, folder / WEIGHTS


def run(
    work: Work, settings: RestoreStageSettings, context: Context, loaded: tuple[Filler, ...]
) -> Work:
    """Fill every volume; a scan without gaps passes unchanged."""
    volumes = tuple(
        _restored(volume, settings, loaded) if volume.record.missing else _passed(volume)
        for volume in work.volumes
    )
    return replace(work, volumes=volumes)


def _restored(
    volume: Volume, settings: RestoreStageSettings, fillers: tuple[Filler, ...]
) -> Volume:
    from medgan.restoration import RestoreSettings, restore_scan

    known = volume.record
    missing = known.missing if volume.scan.missing != known.missing else None
    chosen = RestoreSettings(**settings.model_dump(), missing=missing)
    scan, record = restore_scan(volume.scan, chosen, fillers)
    found = {
        name: getattr(known, name)
        for name in ("id", "ruler", "missing", "missing_instances", "damaged", "sources")
    }
    notes = tuple(dict.fromkeys((*known.notes, *record.notes)))
    return replace(volume, scan=scan, record=replace(record, **found, notes=notes))


def _passed(volume: Volume) -> Volume:
    hashes = {str(p): volume.scan.slice_hash(p) for p in range(volume.scan.n_positions)}
    record = replace(volume.record, status="copied", measured_hashes=hashes)
    return replace(volume, record=record)


RESTORE = PerScan("restore", 1, RestoreStageSettings, run, load, model_files)
