"""export: scans to files, each with what says how it came about.

Of a scan: `<scan>.nii.gz` and/or `<scan>/*.dcm`, `<scan>_mask.nii.gz` where voxels were made,
`<scan>_missing_mask.nii.gz` where a gap is held open, and the record as `<scan>.json`; or the same
in a BIDS tree. Of a label map: `<scan>.nii.gz` or `<scan>.dcm`. Of a virtual case: see
`medgan.synthesis.export`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from medgan.errors import ConfigError, SeriesError
from medgan.pipeline.export_bids import bids_places, with_bids_files
from medgan.pipeline.export_labels import write_label_objects, write_label_volumes
from medgan.pipeline.export_places import MASK, MISSING, FlatPlaces, Places
from medgan.pipeline.export_prepare import (
    as_read,
    refuse_gaps,
    straightened,
    with_gaps_shown,
    with_values_noted,
)
from medgan.pipeline.export_proof import with_proof
from medgan.pipeline.export_words import corrections_in_words, made_by, series_order
from medgan.pipeline.stage import Context, PerScan, Work
from medgan.record import dump
from medgan.scans import (
    is_tilted,
    refuse_burned_in_text,
    write_dicom,
    write_mask,
    write_missing_mask,
    write_nifti,
)
from medgan.scans.atomic import write_bytes
from medgan.settings import Settings

VirtualFormat = Literal["nifti", "dicom", "nnunet"]


class ExportSettings(Settings):
    """Which formats, and what to do about gaps and gantry tilt."""

    formats: tuple[Literal["nifti", "dicom", "bids", "nnunet"], ...] = ()
    """Empty: DICOM for scans that came as DICOM, NIfTI for all others. `bids`: NIfTI in a tree of
    BIDS derivatives, and nothing beside it. `nnunet` is for virtual scans with labels only."""
    strict: bool = False
    """Refuse scans in which slices are missing, instead of holding the gap open."""
    sheared: bool = False
    """Write NIfTI of a tilted stack with its sheared affine, which not every program reads."""
    resample: bool = False
    """Resample a tilted stack to a straight grid for NIfTI: its values are derived then, and none
    comes back bit for bit."""
    deidentify: bool = False
    """Let nothing out that tells of the person: pseudonyms in names of files and in all that is
    said, DICOM headers without patient, dates and texts. A head scan still shows a face."""

    nnunet_prefix: str = Field("case", pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$")
    """What names of virtual cases begin with in the layout of nnU-Net; not `real`, as those of real
    cases do."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.nnunet_prefix.lower() == "real":
            raise ValueError("nnunet_prefix: `real` is what names of real cases begin with")
        if "bids" in self.formats and len(self.formats) > 1:
            raise ValueError(
                "formats (--format): a BIDS tree holds no other files; run it twice, with two "
                "output folders"
            )
        return self


def run(work: Work, settings: ExportSettings, context: Context, loaded: None) -> Work:
    """Write one scan, label map or virtual case in every format asked for."""
    if work.volumes[0].case is not None:
        return _virtual(work, settings, context)
    formats = _formats(work, settings)
    if settings.deidentify:
        for volume in work.volumes:
            if not volume.is_label:
                refuse_burned_in_text(volume.scan)
    if settings.strict:
        refuse_gaps(work)
    is_volume_file = formats != ("dicom",)
    volumes = (with_gaps_shown(as_read(v), is_volume_file=is_volume_file) for v in work.volumes)
    work = _straight(replace(work, volumes=tuple(volumes)), settings, formats)
    if formats == ("bids",):
        return _as_bids(work, settings, context)
    return _beside_each_other(work, settings, formats, context)


def _formats(work: Work, settings: ExportSettings) -> tuple[str, ...]:
    """Settle the formats of a real scan.

    Raises
    ------
    ConfigError
        If they cannot be written of this scan.
    """
    first = work.volumes[0]
    if "nnunet" in settings.formats:
        raise ConfigError(
            "nnunet is a layout for labelled virtual scans, not for real ones",
            where="export.formats",
            hint="Use nifti, dicom or bids.",
        )
    is_thinned = any(volume.n_thin > 1 for volume in work.volumes)
    if is_thinned and "dicom" in settings.formats:
        raise ConfigError(
            "thin slices made of thick ones are fractions, which DICOM would round to whole "
            "numbers: they would agree with the data no more",
            where="export.formats",
            hint="Use nifti.",
        )
    own = "dicom" if first.scan.format == "dicom" and not is_thinned else "nifti"
    return tuple(settings.formats) or (own,)


def _straight(work: Work, settings: ExportSettings, formats: Sequence[str]) -> Work:
    """Resample tilted stacks where that was asked for.

    Raises
    ------
    SeriesError
        If DICOM is to be written as well, which keeps the tilted stack.
    """
    first = work.volumes[0]
    is_asked = settings.resample and any(is_tilted(volume.scan) for volume in work.volumes)
    if not is_asked or first.is_label:
        return work
    if "dicom" in formats:
        raise SeriesError(
            "a straight grid is for NIfTI: DICOM holds a tilted stack as it was measured",
            where=first.record.id,
            hint="Use --resample with --format nifti or bids.",
        )
    return straightened(work)


def _beside_each_other(
    work: Work, settings: ExportSettings, formats: Sequence[str], context: Context
) -> Work:
    name = work.id
    places = FlatPlaces(context.out, name)
    is_label = work.volumes[0].is_label
    written: list[Path] = []
    if "nifti" in formats:
        written += _volume_files(work, settings, places)
    if "dicom" in formats and is_label:
        work, objects = write_label_objects(work, context.out, name, context.salt)
        written += objects
    elif "dicom" in formats:
        work = replace(work, volumes=tuple(map(with_values_noted, work.volumes)))
        for volume in work.volumes:
            folder = context.out / (name if len(work.volumes) == 1 else volume.record.id)
            written += write_dicom(volume.scan, folder, series_order(volume.record, context.salt))
        if "nifti" not in formats:
            written += _made_mask(work, places)
    return _with_sidecars(work, written, context)


def _as_bids(work: Work, settings: ExportSettings, context: Context) -> Work:
    places = bids_places(work, context)
    written = _volume_files(work, settings, places)
    return with_bids_files(work, written, places, context)


def _volume_files(work: Work, settings: ExportSettings, places: Places) -> list[Path]:
    """Write a scan as NIfTI with the masks that belong to it."""
    if work.volumes[0].is_label:
        return write_label_volumes(work, places)
    scans = [volume.scan for volume in work.volumes]
    # A slice that holds a gap open is written like any other.
    whole = [replace(scan, present=scan.present | True) for scan in scans]
    done = corrections_in_words(work.volumes[0].record)
    provenance = ", ".join(filter(None, [done, made_by(work.volumes[0].record)]))
    provenance += ", resampled" if _is_resampled(work) else ""
    written = [
        write_nifti(whole, places.image(), provenance=provenance, sheared=settings.sheared),
        *_made_mask(work, places),
    ]
    if any(scan.missing for scan in scans):
        written.append(write_missing_mask(scans, places.mask(MISSING)))
    return written


def _is_resampled(work: Work) -> bool:
    return any(volume.record.resampled for volume in work.volumes)


def _made_mask(work: Work, places: Places) -> list[Path]:
    scans = [volume.scan for volume in work.volumes]
    is_made = any(scan.synthetic.any() for scan in scans)
    return [write_mask(scans, places.mask(MASK))] if is_made else []


def _with_sidecars(work: Work, written: Sequence[Path], context: Context) -> Work:
    """Write the records last: each names all files of its scan, itself included."""
    volumes, sidecars = [], []
    for volume in with_proof(work, written, context).volumes:
        record = volume.record
        sidecar = context.out / f"{record.id}.json"
        files = [path.relative_to(context.out).as_posix() for path in (*written, sidecar)]
        record = replace(record, outputs=tuple(files))
        write_bytes(sidecar, dump(record.as_json()).encode())
        volumes.append(replace(volume, record=record))
        sidecars.append(sidecar)
    return replace(work, volumes=tuple(volumes), outputs=(*work.outputs, *written, *sidecars))


def _virtual_formats(settings: ExportSettings) -> tuple[VirtualFormat, ...]:
    """Settle the formats of a virtual case.

    Raises
    ------
    ConfigError
        For `bids`: a virtual case has no subject.
    """
    formats: list[VirtualFormat] = []
    for name in settings.formats:
        if name == "bids":
            raise ConfigError(
                "bids is a layout for scans of subjects, and a virtual scan has none",
                where="export.formats",
                hint="Use nifti, dicom or nnunet.",
            )
        formats.append(name)
    return tuple(formats) or ("nifti",)


def _virtual(work: Work, settings: ExportSettings, context: Context) -> Work:
    from medgan.synthesis.export import check_formats, export_case

    volumes, written = [], []
    for volume in work.volumes:
        assert volume.case is not None  # set together by `synthesize`
        assert volume.model is not None
        formats = _virtual_formats(settings)
        check_formats(formats, volume.model)
        record = export_case(
            volume.case,
            context.out,
            formats,
            volume.model,
            nnunet_prefix=settings.nnunet_prefix,
        )
        written += [context.out / name for name in record.outputs]
        volumes.append(replace(volume, record=record))
    return replace(work, volumes=tuple(volumes), outputs=(*work.outputs, *written))


EXPORT = PerScan("export", 5, ExportSettings, run)
