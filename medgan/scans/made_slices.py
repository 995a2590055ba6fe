"""Remember what medgan made: which slices of a NIfTI file that it wrote are synthetic.

A restored file says so in its header, and the mask beside it says where. Without both, slices that
were made would come back as measured ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medgan.errors import ReadError
from medgan.scans.bids import mask_names
from medgan.scans.names import stem_of
from medgan.scans.nifti import read_nifti
from medgan.scans.rasters import Raster

RESTORED, SYNTHETIC = "restored by medgan", "synthetic by medgan"
"""How `write_nifti` starts the description field of what it writes."""


@dataclass(frozen=True, eq=False)
class MadeSlices:
    """What is known of one volume.

    Parameters
    ----------
    axis
        Axis along which whole slices were made; None where that is any or unknown.
    flags
        (n,) bool along `axis`; empty where `axis` is None.
    everywhere
        Every voxel was made.
    voxels
        (i, j, k) bool where parts of slices were made; None where whole slices were.
    note
        What to tell of it; empty where there is nothing.
    """

    axis: int | None = None
    flags: NDArray[np.bool_] | None = None
    everywhere: bool = False
    voxels: NDArray[np.bool_] | None = None
    note: str = ""

    @property
    def any(self) -> bool:
        """Whether anything is known to be made."""
        whole = self.flags is not None and bool(self.flags.any())
        return self.everywhere or whole or self.voxels is not None

    def along(self, axis: int, n: int) -> NDArray[np.bool_]:
        """Return (n,) bool along an axis: the slice holds something made."""
        if self.voxels is not None:
            others = tuple(a for a in range(3) if a != axis)
            return np.asarray(self.voxels.any(axis=others))
        if self.everywhere or (self.axis is not None and self.axis != axis):
            return np.ones(n, dtype=bool)
        return np.zeros(n, dtype=bool) if self.flags is None else self.flags


def made_slices(raster: Raster, path: Path, volume: int | None) -> MadeSlices:
    """Find out which slices of one volume medgan made, by its header and the mask beside it."""
    if raster.description.startswith(SYNTHETIC):
        return MadeSlices(everywhere=True, note="synthetic: made by medgan")
    if not raster.description.startswith(RESTORED):
        return MadeSlices()
    mask = _read_mask(raster, path, volume)
    if mask is None:
        return MadeSlices(
            note="restored by medgan, but its mask is not beside it: "
            "which slices were measured is not known"
        )
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        whole, some = np.asarray(mask.all(axis=others)), mask.any(axis=others)
        if (whole == some).all():
            count = int(whole.sum())
            return MadeSlices(axis, whole, note=f"{count} slices were made by medgan" * bool(count))
    count = int(mask.sum())
    return MadeSlices(voxels=mask, note=f"{count} voxels in parts of slices were made by medgan")


def _read_mask(raster: Raster, path: Path, volume: int | None) -> NDArray[np.bool_] | None:
    stem = stem_of(path)
    in_tree = (f"{name}.nii.gz" for name in mask_names(stem, "estimated"))
    for name in (f"{stem}_mask.nii.gz", f"{stem}_mask.nii", *in_tree):
        beside = path.with_name(name)
        if beside.is_file():
            try:
                mask = read_nifti(beside)
            except ReadError:
                return None
            same = mask.stored.shape == raster.stored.shape
            return mask.volume(volume) != 0 if same else None
    return None
