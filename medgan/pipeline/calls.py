"""What `import medgan` offers: the commands as functions. Nothing here prints."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, overload

from medgan.errors import UsageError
from medgan.pipeline.options import RunOptions
from medgan.pipeline.run import run_pipeline
from medgan.pipeline.summary import RunSummary
from medgan.record import CorrectionKind, ScanRecord
from medgan.scans import Listing, Scan, discover
from medgan.settings import assignment

if TYPE_CHECKING:
    from medgan.synthesis import VirtualCase

Modality = Literal["ct", "mr"]


@dataclass(frozen=True)
class Restored:
    """A restored scan in memory, and what was done to it."""

    scan: Scan
    record: ScanRecord


def inspect(
    path: str | Path, *, axis: int | None = None, modality: Modality | None = None
) -> Listing:
    """List every scan below a path and what is missing in it; reads, never writes.

    Parameters
    ----------
    axis
        Slice axis of files whose header does not tell it.
    modality
        Over what the files say.

    Raises
    ------
    ReadError
        If the path does not exist or is empty.
    """
    return discover(Path(path), axis, modality)


@overload
def restore(
    source: Scan,
    out: None = None,
    *,
    model: str = ...,
    missing: Sequence[int] = ...,
    fill_ends: bool = ...,
    force: bool = ...,
    device: str = ...,
) -> Restored: ...


@overload
def restore(
    source: str | Path,
    out: str | Path,
    *,
    model: str = ...,
    formats: Sequence[str] = ...,
    missing: Sequence[int] = ...,
    fill_ends: bool = ...,
    insert: Sequence[int] = ...,
    mask: str | Path | None = ...,
    upsample: int | None = ...,
    spacing_mm: float | None = ...,
    slices: Literal["missing", "thick"] | None = ...,
    correct: Sequence[CorrectionKind] = ...,
    axis: int | None = ...,
    modality: Modality | None = ...,
    copy_complete: bool = ...,
    deidentify: bool = ...,
    force: bool = ...,
    device: str = ...,
    workers: int = ...,
) -> RunSummary: ...


def restore(
    source: str | Path | Scan,
    out: str | Path | None = None,
    *,
    model: str = "slices-faithful",
    formats: Sequence[str] = (),
    missing: Sequence[int] = (),
    fill_ends: bool = False,
    insert: Sequence[int] = (),
    mask: str | Path | None = None,
    upsample: int | None = None,
    spacing_mm: float | None = None,
    slices: Literal["missing", "thick"] | None = None,
    correct: Sequence[CorrectionKind] = (),
    axis: int | None = None,
    modality: Modality | None = None,
    copy_complete: bool = False,
    deidentify: bool = False,
    force: bool = False,
    device: str = "auto",
    workers: int = 0,
) -> Restored | RunSummary:
    """Fill missing slices: of one scan in memory, or of every scan below a path.

    Parameters
    ----------
    source
        A `Scan`, or a file or folder.
    out
        Output folder; needed for a file or folder, and for that only.
    model
        Model folder, a shipped model by name, or `none` for classical methods only.
    formats
        `nifti`, `dicom`; empty: that of the input.
    missing
        Zero-based positions to fill over; for one scan only.
    fill_ends
        Extrapolate slices that are missing at the ends.
    insert, mask, upsample, spacing_mm, slices
        For a file or folder: as the options of `medgan restore`; see `docs/restoring.md`.
    correct
        `denoise`, `gibbs`, `bias_field`: done to every complete scan below a path, and nothing is
        filled; see `docs/denoise.md`.
    copy_complete
        Write scans without gaps as well.
    deidentify
        Let no name, date or identifier out; the secret is in the environment variable MEDGAN_SALT,
        or is made and kept beside `out`.
    force
        Fill gaps too wide to be tried out on the scan itself.
    workers
        Child processes. With 0, the default, all is done in this process; with more, a script
        needs the usual `if __name__ == "__main__"` guard.

    Returns
    -------
    Restored or RunSummary
        A scan for a scan; for a path a summary in which scans that failed are named.

    Raises
    ------
    UsageError
        If the arguments clash.
    MedganError
        If nothing at all can be done.
    """
    if isinstance(source, Scan):
        if out is not None:
            raise UsageError(
                "a scan in memory is not written to a folder", hint="Leave `out` away."
            )
        if insert or mask or upsample or spacing_mm or slices or correct:
            raise UsageError(
                "insert, mask, thinner slices and corrections are for a file or folder",
                hint="Write the scan first, and give the file.",
            )
        positions = tuple(sorted(missing)) or None
        return _restore_scan(source, model, positions, fill_ends, force, device)
    if out is None:
        raise UsageError(
            "a file or folder needs an output folder",
            hint='Example: medgan.restore("scans/", "restored/"); or give a Scan.',
        )
    overrides = [
        assignment("restore.model", model),
        f"restore.force={force}",
        f"index.take={'all' if copy_complete or correct else 'gaps'}",
        f"restore.correct={list(correct)}",
        f"index.missing={list(missing)}",
        f"index.fill_ends={fill_ends}",
        f"index.insert={list(insert)}",
        assignment("index.mask", "" if mask is None else str(mask)),
        assignment("index.upsample", upsample),
        assignment("index.spacing_mm", spacing_mm),
        assignment("index.slices", slices),
        f"index.axis={'null' if axis is None else axis}",
        f"index.modality={modality or 'null'}",
        f"export.formats={list(formats)}",
        f"export.deidentify={deidentify}",
    ]
    options = RunOptions(workers=workers, device=device)
    return run_pipeline("restore_folder", Path(source), Path(out), overrides, options)


def _restore_scan(
    scan: Scan,
    model: str,
    missing: tuple[int, ...] | None,
    fill_ends: bool,
    force: bool,
    device: str,
) -> Restored:
    from medgan.pipeline.device import pick_device
    from medgan.restoration import RestoreSettings, load_fillers, restore_scan

    settings = RestoreSettings(model=model, missing=missing, fill_ends=fill_ends, force=force)
    return Restored(*restore_scan(scan, settings, load_fillers(settings, pick_device(device))))


def synthesize(
    model: str | Path,
    n: int,
    *,
    seed: int = 0,
    first: int = 0,
    wanted: Mapping[str, str] | None = None,
    device: str = "auto",
) -> list[VirtualCase]:
    """Make virtual scans in memory, with labels where the model has them.

    Parameters
    ----------
    model
        Model folder.
    n
        How many.
    seed
        The same seed gives the same scans on one machine.
    first
        Index of the first case of that seed.
    wanted
        Values of the model's conditions, as text, e.g. `{"age": "60"}`; the others are left free.

    Raises
    ------
    ModelError
        If there is no such model, or it makes no scans.
    UsageError
        If the model does not know what is wanted, or it must be said which modality is.
    """
    from medgan.models import load_model
    from medgan.pipeline.device import pick_device
    from medgan.synthesis import synthesize as sample

    loaded = load_model(str(model), device=pick_device(device), kind="synthesizer")
    if loaded.info.notice:
        warnings.warn(loaded.info.notice, stacklevel=2)
    return list(sample(loaded, n, seed, first=first, wanted=wanted))
