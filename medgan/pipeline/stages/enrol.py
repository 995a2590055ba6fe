"""enrol: write a labelled real case as it is into the layout of nnU-Net, and prove it.

OUT/imagesTr/real_0001_0000.nii.gz   stored values bit for bit, header texts left behind
OUT/labelsTr/real_0001.nii.gz        the same labels, numbered 1, 2, ...
OUT/real_0001.json                   the record: sources, hashes, label values that were changed
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from medgan.errors import UsageError
from medgan.pipeline.export_prepare import as_read
from medgan.pipeline.export_proof import with_proof
from medgan.pipeline.stage import Context, PerScan, Work
from medgan.record import dump
from medgan.scans import validate, write_labels, write_nifti
from medgan.scans.atomic import write_bytes
from medgan.settings import Settings


class EnrolSettings(Settings):
    """Nothing to choose."""


def run(work: Work, settings: EnrolSettings, context: Context, loaded: None) -> Work:
    """Write image, label map and record of one case.

    Raises
    ------
    UsageError
        If it is not given a labelled real case.
    SeriesError
        If NIfTI cannot hold the image: a tilted stack.
    ValidationError
        If what was written is not read back as it was.
    """
    if len(work.volumes) != 2 or not work.volumes[1].is_label:
        raise UsageError(
            "a scan without its label map cannot be enrolled",
            where=work.id,
            hint="Put `enrol` right after `real`.",
        )
    from medgan.synthesis.nnunet import nnunet_paths

    image, labels = as_read(work.volumes[0]), work.volumes[1]
    image_path, label_path = nnunet_paths(context.out, work.id)
    write_nifti(image.scan, image_path, provenance="A real scan.")
    numbers = np.asarray(labels.scan.stored, np.uint8)
    write_labels(numbers, labels.scan.grid, label_path, like=labels.scan)
    validate([image_path], image.scan)
    validate([label_path], labels.scan)
    written = [image_path, label_path]
    (proved,) = with_proof(Work(work.id, (image,)), written, context).volumes
    sidecar = context.out / f"{work.id}.json"
    written.append(sidecar)
    outputs = tuple(path.relative_to(context.out).as_posix() for path in written)
    record = replace(proved.record, outputs=outputs)
    write_bytes(sidecar, dump(record.as_json()).encode())
    return Work(work.id, (replace(proved, record=record),), tuple(written))


ENROL = PerScan("enrol", 1, EnrolSettings, run)
