"""Virtual cases to files: NIfTI, DICOM with SEG, and the layout nnU-Net trains from.

    nifti   OUT/case_0001.nii.gz, OUT/case_0001_label.nii.gz
    dicom   OUT/dicom/case_0001/*.dcm, OUT/dicom/case_0001_seg.dcm
    nnunet  OUT/imagesTr/case_0001_0000.nii.gz, OUT/labelsTr/case_0001.nii.gz,
            OUT/dataset.json
    always  OUT/case_0001.json (provenance), OUT/manifest.csv (one line a case, synthetic = 1)

Cases are written one by one, so that memory does not grow with their number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from medgan.errors import UsageError
from medgan.models import ModelInfo
from medgan.record import ScanRecord, dump
from medgan.scans import (
    Order,
    Scan,
    notes_of_values,
    write_dicom,
    write_labels,
    write_nifti,
    write_segmentation,
)
from medgan.scans.atomic import sha256_of, write_bytes
from medgan.synthesis.nnunet import consecutive, nnunet_description, nnunet_paths
from medgan.synthesis.output import Output, output_of
from medgan.synthesis.place import VirtualCase

Format = Literal["nifti", "dicom", "nnunet"]

DISCLAIMER = "Synthetic image, not of a person; research use only, not for diagnosis"


def check_formats(formats: Sequence[Format], model: ModelInfo) -> None:
    """Refuse what cannot be written before anything is made.

    Raises
    ------
    UsageError
        If the nnU-Net layout is wanted of a model without labels.
    """
    if "nnunet" in formats and not output_of(model).space.label_values:
        raise UsageError(
            "the nnU-Net layout needs labels, and this model makes none",
            where=model.name,
            hint="Use other formats, nifti or dicom, or train on a folder with label maps.",
        )


def export_case(
    case: VirtualCase,
    out: Path,
    formats: Sequence[Format],
    model: ModelInfo,
    *,
    nnunet_prefix: str = "case",
) -> ScanRecord:
    """Write one case in every format asked for, and its provenance.

    Parameters
    ----------
    nnunet_prefix
        What names begin with in the layout of nnU-Net, where real cases may stand beside.

    Raises
    ------
    WriteError
        If there is no space or no permission; nothing is left half-written.
    """
    output = output_of(model)
    written: list[Path] = []
    if "nifti" in formats:
        written += _as_nifti(case, out, model)
    if "nnunet" in formats:
        written += _as_nnunet(case, out, model, output, nnunet_prefix)
    if "dicom" in formats:
        written += _as_dicom(case, out, model, output)
    sidecar = out / f"{case.id}.json"
    record = _record(case.image, model, case, [*written, sidecar], out)
    document = record.as_json() | {
        "affine": case.image.affine.tolist(),
        "labels": _label_table(case, output),
        "disclaimer": DISCLAIMER,
    }
    write_bytes(sidecar, dump(document).encode())
    return record


def write_manifest(
    records: Sequence[ScanRecord],
    out: Path,
    formats: Sequence[Format],
    model: ModelInfo,
    *,
    real: Sequence[ScanRecord] = (),
) -> list[Path]:
    """Write what describes all cases together: `manifest.csv`, and `dataset.json` for nnU-Net.

    Parameters
    ----------
    records
        Of virtual cases.
    real
        Of real cases beside them in the layout of nnU-Net.
    """
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    of_draw = ["seed", "index", "rejected", "wanted"]
    about_model = ["model", "model_sha256", *of_draw]
    rows.writerow(["id", "image", "label", "synthetic", *about_model, "made_for"])
    for record in sorted(records, key=lambda record: record.id):
        image, label = _image_and_label(record)
        made_by = [record.model[key] for key in ("name", "sha256", *of_draw)]
        made_for = record.sources[0] if record.sources else ""
        rows.writerow([record.id, image, label, 1, *made_by, made_for])
    write_bytes(out / "manifest.csv", table.getvalue().encode())
    if "nnunet" not in formats:
        return [out / "manifest.csv"]
    made = f"{DISCLAIMER}. {_provenance(model)}"
    description = nnunet_description(records, real, model, made)
    write_bytes(out / "dataset.json", dump(description).encode())
    return [out / "manifest.csv", out / "dataset.json"]


def _as_nifti(case: VirtualCase, out: Path, model: ModelInfo) -> list[Path]:
    image = out / f"{case.id}.nii.gz"
    write_nifti(case.image, image, provenance=_provenance(model))
    if case.labels is None:
        return [image]
    label = out / f"{case.id}_label.nii.gz"
    write_labels(case.labels, case.image.grid, label)
    return [image, label]


def _as_nnunet(
    case: VirtualCase, out: Path, model: ModelInfo, output: Output, prefix: str
) -> list[Path]:
    image, label = nnunet_paths(out, f"{prefix}_{case.index + 1:04d}")
    write_nifti(case.image, image, provenance=_provenance(model))
    if case.labels is not None:
        values = output.space.label_values
        write_labels(consecutive(case.labels, values), case.image.grid, label)
    return [image, label]


def _as_dicom(case: VirtualCase, out: Path, model: ModelInfo, output: Output) -> list[Path]:
    slices = write_dicom(
        case.image,
        out / "dicom" / case.id,
        Order(
            description="medgan synthetic",
            derivation=f"{DISCLAIMER}. {_provenance(model)}",
            model=f"{model.name} {model.weights_sha256}",
            salt=f"{model.weights_sha256} {case.seed} {case.index}",
        ),
    )
    if case.labels is None:
        return slices
    segmentation = out / "dicom" / f"{case.id}_seg.dcm"
    names = output.space.label_names
    write_segmentation(case.labels, case.image.grid, names, slices, segmentation)
    return [*slices, segmentation]


def _provenance(model: ModelInfo) -> str:
    return f"medgan {model.name} {model.weights_sha256[:12]}"


def _notes_of(image: Scan, written: Sequence[Path]) -> tuple[str, ...]:
    return notes_of_values(image) if any(path.suffix == ".dcm" for path in written) else ()


def _record(
    image: Scan, model: ModelInfo, case: VirtualCase, written: Sequence[Path], out: Path
) -> ScanRecord:
    return ScanRecord(
        id=case.id,
        status="synthetic",
        format=image.format,
        modality=image.modality,
        shape=image.grid.shape,
        spacing_mm=image.spacing_mm,
        orientation=image.grid.orientation,
        axis=image.axis,
        model={
            "name": model.name,
            "sha256": model.weights_sha256,
            "licence": model.licence,
            "seed": str(case.seed),
            "index": str(case.index),
            "rejected": str(case.n_rejected),
            "wanted": " ".join(f"{name}={value}" for name, value in case.wanted.items()),
        },
        sources=case.sources,
        content_hash=case.content_hash,
        outputs=tuple(path.relative_to(out).as_posix() for path in written),
        notes=(*case.notes, *_notes_of(image, written)),
        output_hashes={
            path.relative_to(out).as_posix(): sha256_of(path)
            for path in written
            if path.suffix != ".json"  # the sidecar cannot have its own
        },
    )


def _label_table(case: VirtualCase, output: Output) -> dict[str, dict[str, object]]:
    """Name and number of voxels by label value."""
    if case.labels is None:
        return {}
    return {
        str(value): {
            "name": output.space.label_names[value],
            "voxels": int((case.labels == value).sum()),
        }
        for value in output.space.label_values
    }


def _image_and_label(record: ScanRecord) -> tuple[str, str]:
    """Paths of a case's image and label map, the nnU-Net ones first; empty where there is none."""
    candidates = [p for p in record.outputs if not p.endswith(".json")]
    ranked = sorted(candidates, key=lambda p: (not p.startswith(("imagesTr", "labelsTr")), p))
    labels = [p for p in ranked if _is_label(p)]
    images = [p for p in ranked if not _is_label(p)]
    return images[0], labels[0] if labels else ""


def _is_label(path: str) -> bool:
    return path.startswith("labelsTr/") or path.endswith(("_label.nii.gz", "_seg.dcm"))
