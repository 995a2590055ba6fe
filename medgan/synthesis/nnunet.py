"""The layout that nnU-Net v2 trains from: where files lie, which are cases, names of classes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.models import ModelInfo
from medgan.record import ScanRecord
from medgan.synthesis.output import output_of


def nnunet_paths(out: Path, name: str) -> tuple[Path, Path]:
    """Return where nnU-Net looks for image and label map of a case."""
    return out / "imagesTr" / f"{name}_0000.nii.gz", out / "labelsTr" / f"{name}.nii.gz"


def nnunet_files(record: ScanRecord) -> tuple[str, str]:
    """Return paths of image and label map of a case in this layout, below the output folder."""
    (image,) = (name for name in record.outputs if name.startswith("imagesTr/"))
    (label,) = (name for name in record.outputs if name.startswith("labelsTr/"))
    return image, label


def case_name(record: ScanRecord) -> str:
    """Return the name that nnU-Net knows a case by: that of its label map."""
    return Path(nnunet_files(record)[1]).name.removesuffix(".nii.gz")


def consecutive(labels: NDArray[np.uint8], values: Sequence[int]) -> NDArray[np.uint8]:
    """Renumber classes 1, 2, ...: nnU-Net wants no gaps. Other values become background."""
    lookup = np.zeros(256, np.uint8)
    lookup[list(values)] = np.arange(1, len(values) + 1)
    return lookup[labels]


def nnunet_description(
    virtual: Sequence[ScanRecord], real: Sequence[ScanRecord], model: ModelInfo, made: str
) -> dict[str, object]:
    """Return `dataset.json` of nnU-Net v2 (documentation/dataset_format.md).

    Parameters
    ----------
    virtual, real
        All cases, of either kind; there may be no real ones.
    made
        What is to be said of virtual cases.
    """
    space = output_of(model).space
    classes = {space.label_names[v]: n for n, v in enumerate(space.label_values, start=1)}
    prefix = case_name(virtual[0]).rpartition("_")[0]
    of_which = f"{len(virtual)} cases, named {prefix}_*: " if real else ""
    files = {case_name(record): nnunet_files(record) for record in (*real, *virtual)}
    return {
        # nnU-Net keeps Hounsfield units where the channel is called CT.
        "channel_names": {"0": virtual[0].modality.upper()},
        "labels": {"background": 0} | classes,
        "numTraining": len(files),
        # Listed, for an earlier run with more cases may have left files in the same folders.
        "dataset": {name: {"images": [i], "label": label} for name, (i, label) in files.items()},
        "file_ending": ".nii.gz",
        "name": model.name,
        "description": f"{of_which}{made}",
        # What the real cases may be used for is not ours to say.
        **({} if real else {"licence": model.licence}),
    }
