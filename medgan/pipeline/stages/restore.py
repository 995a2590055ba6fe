"""restore: fill the gaps of one scan, weighed by how well hidden slices of it were predicted.

Or, where that is asked for, correct every slice of a complete one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from pydantic import Field, field_validator, model_validator

from medgan.errors import UsageError
from medgan.pipeline.device import pick_device
from medgan.pipeline.inputs import files_of_model
from medgan.pipeline.stage import Context, PerScan, Volume, Work
from medgan.record import CorrectionKind
from medgan.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from medgan.interpolation import Filler
    from medgan.record import ScanRecord
    from medgan.restoration import Denoiser, NetThinner, RestoreSettings

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
    texture: float = Field(0.0, ge=0, le=1)
    """Share of the way from `model` to `natural`, weight by weight: 0 is the most faithful, 1 has
    the most texture."""
    natural: str = "slices-natural"
    """Model folder or name of a shipped model that `texture` 1 stands for."""
    adapt: str = Field("", pattern=r"^([1-9]\d{0,5}s?)?$", coerce_numbers_to_str=True)
    """Adapt the network to every scan, as one more candidate: for so long (`30s`, on this machine)
    or for so many steps (`100`, which can be repeated exactly); empty: not at all."""
    profile: tuple[float, ...] = ()
    """Thick slices: weights of the thin slices that one averages, centred on it; empty: alike over
    the distance between slices."""
    thinner: str = "slices-thick"
    """Thick slices: model folder or name of a shipped model that makes thin ones of them, where the
    profile is the default and `model` is not `none`; `none`: the network that fills gaps."""
    correct: tuple[CorrectionKind, ...] = ()
    """Corrections that change every slice of a complete scan; nothing is filled then. They are done
    in the order denoise, gibbs, bias_field."""
    denoiser: str = "denoise"
    """Model folder or name of a shipped model for `denoise`; `none`: classical methods only."""

    @model_validator(mode="after")
    def _only_a_network_is_changed(self) -> Self:
        if self.model == CLASSICAL and (self.texture or self.adapt):
            raise ValueError("texture and adapt change a network: model none has none")
        return self

    @field_validator("profile")
    @classmethod
    def _is_a_profile(cls, profile: tuple[float, ...]) -> tuple[float, ...]:
        if profile:
            from medgan.interpolation.slabs import check_profile

            check_profile(profile)  # for how many thin slices, `index` knows
        return profile


@dataclass(frozen=True)
class Loaded:
    """What is loaded once per child: what fills, or what takes noise away."""

    fillers: tuple[Filler, ...] = ()
    thinners: tuple[NetThinner, ...] = ()
    denoisers: tuple[Denoiser, ...] = ()


def load(settings: RestoreStageSettings, context: Context) -> Loaded:
    """Load every candidate, the network included, once per child."""
    from medgan.restoration import load_denoisers, load_fillers, load_thinner

    device = pick_device(context.device)
    if "denoise" in settings.correct:
        return Loaded(denoisers=load_denoisers(settings.denoiser, device))
    if settings.correct:
        return Loaded()
    is_used = CLASSICAL not in (settings.model, settings.thinner)
    thinners = (load_thinner(settings.thinner, settings.averaging, device),) if is_used else ()
    return Loaded(load_fillers(_chosen(settings), device=device), thinners)


def model_files(settings: RestoreStageSettings, context: Context) -> tuple[Path, ...]:
    """Return the files of the model, whose content is part of every key."""
    if settings.correct:
        is_used = "denoise" in settings.correct and settings.denoiser != CLASSICAL
        return files_of_model(settings.denoiser, "denoiser") if is_used else ()
    if settings.model == CLASSICAL:
        return ()
    names = [settings.model, settings.natural] if settings.texture else [settings.model]
    files = [path for name in names for path in files_of_model(name, "restorer")]
    if settings.thinner != CLASSICAL:
        files += files_of_model(settings.thinner, "thinner")
    return tuple(files)


def run(work: Work, settings: RestoreStageSettings, context: Context, loaded: Loaded) -> Work:
    """Fill every volume; a scan in which nothing is to be made passes unchanged."""
    return replace(work, volumes=tuple(_done(v, settings, loaded) for v in work.volumes))


def _done(volume: Volume, settings: RestoreStageSettings, loaded: Loaded) -> Volume:
    if settings.correct:
        return _corrected(volume, settings, loaded.denoisers)
    fillers = loaded.fillers
    if volume.n_thin > 1:
        return _thinned(volume, settings, loaded)
    if volume.marked is not None:
        return _region_filled(volume, volume.marked, settings)
    return _restored(volume, settings, fillers) if volume.record.missing else _passed(volume)


def _restored(
    volume: Volume, settings: RestoreStageSettings, fillers: tuple[Filler, ...]
) -> Volume:
    from medgan.restoration import restore_scan, within_memory

    known = volume.record
    missing = known.missing if volume.scan.missing != known.missing else None
    # Ends are missing only where `index` was asked to take them for missing.
    chosen = _chosen(settings, missing=missing, fill_ends=True)
    scan, record = within_memory(lambda some: restore_scan(volume.scan, chosen, some), fillers)
    seen = ("ruler", "missing", "missing_instances", "damaged")
    return replace(volume, scan=scan, record=_as_found(known, record, seen))


def _region_filled(
    volume: Volume, marked: NDArray[np.bool_], settings: RestoreStageSettings
) -> Volume:
    from medgan.restoration import fill_region

    scan, record = fill_region(volume.scan, marked, force=settings.force)
    return replace(volume, scan=scan, record=_as_found(volume.record, record))


def _thinned(volume: Volume, settings: RestoreStageSettings, loaded: Loaded) -> Volume:
    from medgan.restoration import thin_slices, within_memory

    makers: tuple[Filler | NetThinner, ...] = (*loaded.fillers, *loaded.thinners)
    scan, record = within_memory(
        lambda some: thin_slices(volume.scan, volume.n_thin, some, settings.profile),
        makers,
    )
    return replace(volume, measured=scan, scan=scan, record=_as_found(volume.record, record))


def _corrected(
    volume: Volume, settings: RestoreStageSettings, denoisers: tuple[Denoiser, ...]
) -> Volume:
    from medgan.restoration import correct_scan

    is_more_asked = volume.n_thin > 1 or volume.marked is not None
    if is_more_asked or volume.record.missing != volume.scan.missing:
        raise UsageError(
            "corrections are for complete scans: nothing is filled or made thinner with them",
            where="restore.correct",
            hint="Do one thing, then give its result to the next run.",
        )
    scan, record = correct_scan(volume.scan, settings.correct, denoisers)
    record = _as_found(volume.record, record)
    if not record.corrections:
        return _passed(replace(volume, record=record))
    return replace(volume, measured=scan, scan=scan, record=record, before=volume.scan)


def _chosen(settings: RestoreStageSettings, **changes: object) -> RestoreSettings:
    from medgan.restoration import RestoreSettings

    others = {"profile", "thinner", "correct", "denoiser"}
    return RestoreSettings(**settings.model_dump(exclude=others), **changes)


def _as_found(known: ScanRecord, record: ScanRecord, seen: tuple[str, ...] = ()) -> ScanRecord:
    """Keep what `index` told of a scan."""
    told = {name: getattr(known, name) for name in ("id", "sources", *seen)}
    notes = tuple(dict.fromkeys((*known.notes, *record.notes)))
    return replace(record, **told, notes=notes)


def _passed(volume: Volume) -> Volume:
    hashes = {str(p): volume.scan.slice_hash(p) for p in range(volume.scan.n_positions)}
    record = replace(volume.record, status="copied", measured_hashes=hashes)
    return replace(volume, record=record)


RESTORE = PerScan("restore", 5, RestoreStageSettings, run, load, model_files)
