"""One look at every case: what it holds, and whether it is fit to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medgan.data.cases import Case, Unpaired
from medgan.data.splits import Part, crop_to_part, part_of_hash
from medgan.errors import DataError, MedganError
from medgan.scans import Found, Scan, load_found


@dataclass(frozen=True)
class Look:
    """What one case showed.

    Parameters
    ----------
    sha256, label_sha256
        `Scan.content_hash` of the whole image and of the label map; the latter empty without one.
    label_values
        Values of the label map, background (0) left out, ascending.
    """

    sha256: str
    label_sha256: str
    label_values: tuple[int, ...]
    modality: str
    orientation: str
    spacing_ras_mm: tuple[float, float, float]
    centre_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Survey:
    """Looks by case id, and the cases that are unfit to train on, each with its reason."""

    looks: Mapping[str, Look]
    unfit: tuple[Unpaired, ...]


@dataclass(frozen=True, eq=False)
class LoadedCase:
    """Scans of a case, cut to what may be trained on; `sha256` is that of the whole image."""

    image: Scan
    label: Scan | None
    sha256: str


def survey(cases: Sequence[Case]) -> Survey:
    """Look at every case once; what cannot be read, has gaps or does not match is named unfit."""
    looks: dict[str, Look] = {}
    unfit: list[Unpaired] = []
    for case in cases:
        try:
            looks[case.id] = _look(case)
        except MedganError as error:
            unfit.append(Unpaired(case.id, error.what))
    return Survey(looks, tuple(unfit))


def load_case(image: Found, label: Found | None, where: str) -> LoadedCase:
    """Load image and label map, check them against each other, and keep what may be trained on.

    Raises
    ------
    DataError
        If slices are missing, or the label map does not lie on the image's voxels.
    """
    scan = load_found(image)
    if scan.missing:
        raise DataError(
            f"{len(scan.missing)} slices are missing", where=where, hint="Restore the scan first."
        )
    sha256 = scan.content_hash
    part = part_of_hash(sha256) or Part("train")
    labels = None if label is None else load_found(label)
    if labels is not None:
        check_same_grid(scan, labels, where)
        if part.positions is not None and labels.axis != scan.axis:
            raise DataError(
                "only a part of it may be trained on, and its label map runs across",
                where=where,
                hint="Store the label map with the slice axis of the image.",
            )
        labels = crop_to_part(labels, part)
    return LoadedCase(crop_to_part(scan, part), labels, sha256)


def _look(case: Case) -> Look:
    loaded = load_case(case.image, case.label, case.id)
    image, label = loaded.image, loaded.label
    return Look(
        sha256=loaded.sha256,
        label_sha256="" if label is None else label.content_hash,
        label_values=() if label is None else label_values(label, case.id),
        modality=image.modality,
        orientation=image.grid.orientation,
        spacing_ras_mm=_along_ras(image),
        centre_mm=_centre(image),
    )


def check_same_grid(image: Scan, label: Scan, where: str) -> None:
    """Raise DataError unless label and image have the same voxels in the same places (0.01 mm)."""
    if image.grid.shape != label.grid.shape:
        raise DataError(
            f"the label map is {label.grid.shape} voxels, the image {image.grid.shape}",
            where=where,
            hint="Resample the label map onto the image.",
        )
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.grid.shape])).reshape(3, -1).T
    apart = np.abs(image.grid.position(corners) - label.grid.position(corners)).max()
    if apart > 0.01:
        raise DataError(
            f"the label map lies {apart:.2f} mm away from the image",
            where=where,
            hint="Resample the label map onto the image.",
        )


def label_values(label: Scan, where: str) -> tuple[int, ...]:
    """Return the values of a label map, background (0) left out, ascending.

    Raises
    ------
    DataError
        If one is no whole number in 0..255.
    """
    values = np.unique(label.values)
    if not np.isfinite(values).all() or (values != np.rint(values)).any():
        raise DataError(
            "the label map holds values that are no whole numbers",
            where=where,
            hint="Resample label maps to the nearest neighbour.",
        )
    if values.min() < 0 or values.max() > 255:
        raise DataError(
            "label values must lie in 0..255", where=where, hint="Give the regions lower numbers."
        )
    return tuple(int(v) for v in values if v)


def _along_ras(scan: Scan) -> tuple[float, float, float]:
    """Voxel size along R, A and S, whatever the order of the voxel axes."""
    size = dict(zip(scan.grid.orientation, scan.spacing_mm, strict=True))
    r, a, s = (next(size[x] for x in pair if x in size) for pair in ("RL", "AP", "SI"))
    return r, a, s


def _centre(scan: Scan) -> tuple[float, float, float]:
    x, y, z = scan.grid.position((np.array(scan.grid.shape) - 1) / 2)
    return float(x), float(y), float(z)
