"""Where voxels are: shape, affine, and the only place that converts DICOM's LPS to RAS."""

from __future__ import annotations

from dataclasses import dataclass

import nibabel as nib
import numpy as np
from numpy.typing import ArrayLike, NDArray

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""DICOM and ITK measure millimetres towards Left, Posterior, Superior; NIfTI and we towards
Right, Anterior, Superior (PS3.3 C.7.6.2.1.1). The matrix is its own inverse."""

MAX_TILT_MM = 0.1
"""Drift over the whole stack up to which a grid counts as straight: the rounding of positions."""

MAX_SKEW = 1e-3
"""Cosine up to which two axes count as being at right angles."""

POSITION_MM = 1e-3
"""How far written voxels may lie from where they were: the rounding of headers."""


@dataclass(frozen=True, eq=False)
class Grid:
    """A regular lattice of voxels in patient space.

    Parameters
    ----------
    shape
        Number of voxels along `(i, j, k)`.
    affine
        (4, 4) float64; maps voxel index `(i, j, k, 1)` to RAS+ millimetres. May hold shear.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]

    @classmethod
    def from_lps(cls, shape: tuple[int, int, int], affine_lps: ArrayLike) -> Grid:
        """Make a grid from an affine in DICOM's or ITK's LPS+ millimetres."""
        return cls(shape, LPS_TO_RAS @ np.asarray(affine_lps, dtype=np.float64))

    @property
    def affine_lps(self) -> NDArray[np.float64]:
        """The affine in LPS+ millimetres, as DICOM and ITK want it."""
        return LPS_TO_RAS @ self.affine

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbours along each voxel axis, in millimetres (step length)."""
        i, j, k = (float(v) for v in np.linalg.norm(self.affine[:3, :3], axis=0))
        return i, j, k

    @property
    def orientation(self) -> str:
        """Where the voxel axes point, e.g. `LPS`: three letters of nearest patient directions."""
        return "".join(str(code) for code in nib.aff2axcodes(self.affine))

    @property
    def shear_mm(self) -> float:
        """How far one step along k drifts in the plane of i and j, in millimetres (gantry tilt)."""
        return float(np.linalg.norm(self.drift(2)))

    def drift(self, axis: int) -> NDArray[np.float64]:
        """Return the part (3,) of one step along an axis that lies in the plane of the others."""
        step = self.affine[:3, axis]
        first, second = (self.affine[:3, other] for other in range(3) if other != axis)
        normal = np.cross(first, second)
        normal /= np.linalg.norm(normal)
        return np.asarray(step - (step @ normal) * normal)

    def drift_mm(self, axis: int) -> float:
        """How far the last slice along an axis has drifted in its plane, in millimetres."""
        return float(np.linalg.norm(self.drift(axis))) * (self.shape[axis] - 1)

    def is_tilted(self, axis: int) -> bool:
        """Whether slices along an axis drift by more than the rounding of their positions."""
        return self.drift_mm(axis) > MAX_TILT_MM

    def skew(self, axis: int) -> float:
        """Cosine of the angle between the two axes of a slice: 0 at right angles."""
        first, second = (self.affine[:3, other] for other in range(3) if other != axis)
        lengths = float(np.linalg.norm(first) * np.linalg.norm(second))
        return abs(float(first @ second)) / lengths

    @property
    def skew_degrees(self) -> float:
        """How far the voxel axes are from right angles, at most; 0 for a straight grid."""
        steps = self.affine[:3, :3] / np.linalg.norm(self.affine[:3, :3], axis=0)
        cosines = [float(steps[:, a] @ steps[:, b]) for a, b in ((0, 1), (0, 2), (1, 2))]
        return float(np.degrees(np.arcsin(min(1.0, max(abs(c) for c in cosines)))))

    def position(self, index: ArrayLike) -> NDArray[np.float64]:
        """Return the RAS+ millimetres of voxel indices; `(..., 3)` to `(..., 3)`."""
        ijk = np.asarray(index, dtype=np.float64)
        return ijk @ self.affine[:3, :3].T + self.affine[:3, 3]


def corner_distance(
    first: NDArray[np.float64], second: NDArray[np.float64], shape: tuple[int, ...]
) -> float:
    """Largest distance in mm between the corners of a volume `(i, j, k)` under two affines."""
    corners = np.array([(*ends, 1.0) for ends in np.ndindex(2, 2, 2)])
    corners[:, :3] *= np.array(shape[:3]) - 1
    return float(np.linalg.norm((corners @ (first - second).T)[:, :3], axis=1).max())
