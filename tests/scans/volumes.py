"""NIfTI volumes whose value is a known function of world position, written by nibabel."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from tests.scans.series import world_value

STRAIGHT = np.array([[-1.5, 0, 0, 12], [0, -1.25, 0, 9], [0, 0, 3, -16], [0, 0, 0, 1.0]])
SHEARED = STRAIGHT + np.array([[0, 0, 0.4, 0], [0, 0, -0.9, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


def oblique_affine() -> NDArray[np.float64]:
    """A rotated grid with three unlike steps."""
    a = np.deg2rad(20)
    turn = np.array([[np.cos(a), -np.sin(a), 0], [np.sin(a), np.cos(a), 0], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = turn @ np.diag([1.2, 1.6, 2.5])
    affine[:3, 3] = (-11, -8, -14)
    return affine


def world_volume(
    affine: NDArray[np.float64], shape: tuple[int, int, int] = (16, 14, 12)
) -> NDArray[np.float64]:
    """World values at the voxels of a grid given in RAS+ mm."""
    index = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    ras = index @ affine[:3, :3].T + affine[:3, 3]
    return world_value(ras * np.array([-1.0, -1.0, 1.0]))


def write(
    path: Path,
    stored: NDArray[np.generic],
    affine: NDArray[np.float64],
    *,
    sform: int = 1,
    qform: int = 1,
    slope: float | None = None,
    intercept: float = 0.0,
    family: type = nib.Nifti1Image,
) -> Path:
    """Write stored values as they are, with the given codes and scaling."""
    image = family(stored, affine)
    image.set_sform(affine, sform)
    if qform:
        image.set_qform(affine, qform)
    else:
        image.set_qform(None, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(image, path)
    if slope is not None:
        patch(path, 112, np.array([slope, intercept], dtype="<f4").tobytes())
    return path


def patch(path: Path, offset: int, data: bytes) -> None:
    """Overwrite bytes of an uncompressed file (NIfTI-1: scl_slope and scl_inter lie at 112)."""
    content = bytearray(path.read_bytes())
    content[offset : offset + len(data)] = data
    path.write_bytes(content)
