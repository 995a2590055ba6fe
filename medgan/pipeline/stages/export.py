"""export: scans to files, each with what says how it came about.

Of a restored scan: `<scan>.nii.gz` and/or `<scan>/*.dcm`, `<scan>_mask.nii.gz` where slices were
filled, and the record as `<scan>.json`. Of a virtual case: see `medgan.synthesis.export`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import medgan
from medgan.errors import ConfigError
from medgan.pipeline.stage import Context, PerScan, Volume, Work
from medgan.record import ScanRecord, dump
from medgan.scans import write_dicom, write_mask, write_nifti
from medgan.scans.atomic import write_bytes
from medgan.settings import Settings

DISCLAIMER = "Research use only, not for diagnosis"
_RESERVED = {"report"}
"""Names of ours at the top of an output folder; a scan of that name gets another."""


class ExportSettings(Settings):
    """Which formats."""

    formats: tuple[Literal["nifti", "dicom", "nnunet"], ...] = ()
    """Empty: DICOM for scans that came as DICOM, NIfTI for all others. `nnunet` is for virtual
    scans with labels only."""
    sheared: bool = False
    """Write NIfTI of a tilted stack with its sheared affine, which not every program reads."""


def run(work: Work, settings: ExportSettings, context: Context, loaded: None) -> Work:
    """Write one scan, or one virtual case, in every format asked for."""
    if work.volumes[0].case is not None:
        return _virtual(work, settings, context)
    if "nnunet" in settings.formats:
        raise ConfigError(
            "nnunet is a layout for labelled virtual scans, not for restored ones",
            where="export.formats",
            hint="Use nifti or dicom.",
        )
    return _restored(work, settings, context)


def _restored(work: Work, settings: ExportSettings, context: Context) -> Work:
    first = work.volumes[0]
    name = f"{work.id}_scan" if work.id.lower() in _RESERVED else work.id
    formats = settings.formats or (("dicom",) if first.scan.format == "dicom" else ("nifti",))
    written: list[Path] = []
    scans = [volume.scan for volume in work.volumes]
    if "nifti" in formats:
        target = context.out / f"{name}.nii.gz"
        made_by = _made_by(first.record)
        written.append(write_nifti(scans, target, provenance=made_by, sheared=settings.sheared))
    if "dicom" in formats:
        for volume in work.volumes:
            folder = context.out / (name if len(work.volumes) == 1 else volume.record.id)
            written += _dicom(volume, folder)
    if any(scan.synthetic.any() for scan in scans):
        written.append(write_mask(scans, context.out / f"{name}_mask.nii.gz"))
    return _with_sidecars(work, written, context)


def _dicom(volume: Volume, folder: Path) -> list[Path]:
    record = volume.record
    return write_dicom(
        volume.scan,
        folder,
        description="medgan restored" if record.filled else "medgan copy",
        derivation=_derivation(record),
        model=record.model.get("name", ""),
        salt=record.model.get("sha256", ""),
    )


def _derivation(record: ScanRecord) -> str:
    n = len(record.filled)
    what = f"{n} slices filled" if n else "copy of a complete scan"
    return f"{what} by {_made_by(record)}. {DISCLAIMER}."


def _made_by(record: ScanRecord) -> str:
    model = f" {record.model['name']} {record.model['sha256'][:12]}" if record.model else ""
    return f"medgan {medgan.__version__}{model}"


def _with_sidecars(work: Work, written: Sequence[Path], context: Context) -> Work:
    """Write the records last: each names all files of its scan, itself included."""
    volumes, sidecars = [], []
    for volume in work.volumes:
        record = volume.record
        name = f"{record.id}_scan" if record.id.lower() in _RESERVED else record.id
        sidecar = context.out / f"{name}.json"
        files = [path.relative_to(context.out).as_posix() for path in (*written, sidecar)]
        record = replace(record, outputs=tuple(files))
        write_bytes(sidecar, dump(record.as_json()).encode())
        volumes.append(replace(volume, record=record))
        sidecars.append(sidecar)
    return replace(work, volumes=tuple(volumes), outputs=(*work.outputs, *written, *sidecars))


def _virtual(work: Work, settings: ExportSettings, context: Context) -> Work:
    from medgan.synthesis.export import check_formats, export_case

    volumes, written = [], []
    for volume in work.volumes:
        assert volume.case is not None  # set together by `synthesize`
        assert volume.model is not None
        formats = settings.formats or ("nifti",)
        check_formats(formats, volume.model)
        record = export_case(volume.case, context.out, formats, volume.model)
        written += [context.out / name for name in record.outputs]
        volumes.append(replace(volume, record=record))
    return replace(work, volumes=tuple(volumes), outputs=(*work.outputs, *written))


EXPORT = PerScan("export", 1, ExportSettings, run)
