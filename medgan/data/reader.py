"""The scans room as a MONAI image reader: `LoadImaged(reader=ScanReader())` on any folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from monai.data.image_reader import ImageReader
from monai.utils.enums import MetaKeys, SpaceKeys
from numpy.typing import NDArray

from medgan.errors import DataError, ReadError
from medgan.scans import Found, Listing, Scan, discover, load_found

Paths = Sequence[str | os.PathLike[Any]] | str | os.PathLike[Any]


class ScanReader(ImageReader):
    """Read whatever `medgan inspect` accepts: DICOM folders, NIfTI, NRRD, MetaImage, zip.

    A path names one scan: a file, a folder that holds one image, or that folder followed by the
    scan's id as `inspect` prints it (`study/HFS/3_t1_fl2d_sag`). Several paths are stacked as
    channels, as MONAI's own readers do.

    Parameters
    ----------
    missing
        Value given to slices that do not exist. NaN by default: a gap must never look measured.
        A finite value suits transforms that cannot take NaN; `present` in the meta data still
        says which slices are real.
    modality, axis
        As for `medgan.scans.discover`.

    Notes
    -----
    Arrays are float32 physical values `(i, j, k)`; meta data hold `affine` (RAS+ mm),
    `spatial_shape`, `scan_id`, `modality`, `slice_axis` and `present` (bool along that axis). A
    file with several volumes comes out as `(i, j, k, volume)`, channels last.
    """

    def __init__(
        self, missing: float = float("nan"), modality: str | None = None, axis: int | None = None
    ) -> None:
        super().__init__()
        self._missing, self._modality, self._axis = missing, modality, axis

    def verify_suffix(self, filename: Paths) -> bool:
        """Accept anything: what a file is shows in its content."""
        return True

    def read(self, data: Paths, **kwargs: Any) -> list[list[Scan]]:
        """Read the scan that each path names; the volumes of a 4D file together.

        Raises
        ------
        ReadError
            If a path does not exist or nothing below it can be read.
        DataError
            If a path holds several scans.
        """
        paths = [data] if isinstance(data, (str, os.PathLike)) else list(data)
        return [self._volumes(Path(path)) for path in paths]

    def get_data(self, img: list[list[Scan]]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Return values and meta data of what `read` gave."""
        scans = [scan for volumes in img for scan in volumes]
        first = scans[0]
        if any(scan.grid.shape != first.grid.shape for scan in scans):
            shapes = ", ".join(str(scan.grid.shape) for scan in scans)
            raise DataError(
                f"scans to be stacked differ in shape: {shapes}",
                where=first.id,
                hint="Stack scans of one grid only, or resample them first.",
            )
        arrays = [self._values(scan) for scan in scans]
        meta = {
            MetaKeys.AFFINE: first.affine,
            MetaKeys.ORIGINAL_AFFINE: first.affine.copy(),
            MetaKeys.SPATIAL_SHAPE: np.array(first.grid.shape),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.ORIGINAL_CHANNEL_DIM: float("nan") if len(arrays) == 1 else -1,
            "scan_id": first.id,
            "modality": first.modality,
            "slice_axis": first.axis,
            "present": first.present.copy(),
        }
        return (arrays[0] if len(arrays) == 1 else np.stack(arrays, axis=-1)), meta

    def _values(self, scan: Scan) -> NDArray[np.float32]:
        values = scan.values
        np.moveaxis(values, scan.axis, 0)[~scan.present] = self._missing
        return values

    def _volumes(self, path: Path) -> list[Scan]:
        root, scan_id = _split(path)
        listing = discover(root, self._axis, self._modality)
        return [load_found(found) for found in _choose(listing, scan_id, path)]


def _split(path: Path) -> tuple[Path, str]:
    """Split a path into the part that exists and the id of a scan below it."""
    root = path
    while not root.exists() and root != root.parent:
        root = root.parent
    if root == path:
        return path, ""
    if root == Path(root.anchor) or root == Path():
        raise ReadError("there is no such file or folder", where=str(path), hint="Check the path.")
    return root, path.relative_to(root).as_posix()


def _choose(listing: Listing, scan_id: str, path: Path) -> list[Found]:
    """Pick the volumes of the one scan meant: the image, or the label map if there is no image."""
    candidates = listing.images or listing.scans
    if scan_id:
        candidates = tuple(found for found in listing.scans if _base_id(found) == scan_id)
    names = sorted({_base_id(found) for found in candidates})
    if len(names) == 1:
        return list(candidates)
    if not names:
        reasons = [refusal.reason for refusal in listing.refused]
        reasons += [entry.reason for entry in listing.set_aside]
        raise ReadError(
            f"no scan of that name: {reasons[0] if reasons and not scan_id else 'not listed'}",
            where=str(path),
            hint="`medgan inspect` lists every scan below a path.",
        )
    raise DataError(
        f"{len(names)} scans below one path, one is expected: {', '.join(names[:4])}",
        where=str(path),
        hint="Give the path followed by the id of the scan.",
    )


def _base_id(found: Found) -> str:
    """Id of the file: that of its volumes without their number."""
    return found.id if found.source.volume is None else found.id.rpartition("_v")[0]
