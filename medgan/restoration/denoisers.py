"""Ways to take noise away that need no training, at a given noise level.

A denoiser takes planes (n, h, w) on the scale of `restoration.scale`, about 0..1. Strengths were
chosen on validation scans (`benchmarks/denoise.py --tune`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle, denoise_wavelet

Planes = NDArray[np.float32]

SLAB_VOXELS = 2**22
"""Voxels that a classical denoiser takes at once: bounds memory at about 0.5 GB."""
OVERLAP = 6
"""Slices on each side of a slab that are denoised with it and then left out."""


class Denoiser(Protocol):
    """A way to take noise away."""

    @property
    def name(self) -> str:
        """Name it goes by in records and reports."""
        ...

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Denoise planes (n, h, w) whose noise has standard deviation `sigma`."""
        ...


@dataclass(frozen=True)
class Unchanged:
    """The scan as it is: what every other way has to beat."""

    name: str = "input"

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Return the planes."""
        return planes


@dataclass(frozen=True)
class NonLocalMeans:
    """Non-local means over 3D patches (Buades et al. 2005; Darbon et al. 2008), scikit-image.

    Parameters
    ----------
    strength
        Cut-off of the patch distance, h, in units of sigma.
    patch, distance
        Side of a patch and largest shift, voxels.
    """

    strength: float = 0.45
    patch: int = 3
    distance: int = 3
    name: str = "nlm"

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Denoise with the noise variance taken off patch distances."""
        made = denoise_nl_means(
            planes,
            patch_size=self.patch,
            patch_distance=self.distance,
            h=self.strength * sigma,
            sigma=sigma,
            fast_mode=True,
        )
        return np.asarray(made, dtype=np.float32)


@dataclass(frozen=True)
class Wavelet:
    """Soft thresholds in a 3D wavelet basis by BayesShrink (Chang et al. 2000), scikit-image.

    Parameters
    ----------
    strength
        Noise level that it is told, in units of sigma.
    wavelet
        Name of the basis.
    n_shifts
        Largest shift of its grid along each axis, voxels.
    """

    strength: float = 1.1
    wavelet: str = "db2"
    n_shifts: int = 1
    name: str = "wavelet"

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Denoise, averaged over shifts of the grid (Coifman and Donoho 1995)."""
        total = np.zeros(planes.shape, np.float64)
        shifts = list(np.ndindex(*(self.n_shifts + 1,) * 3))
        for shift in shifts:
            rolled = np.roll(planes, shift, (0, 1, 2))
            made = denoise_wavelet(
                rolled,
                sigma=self.strength * sigma,
                wavelet=self.wavelet,
                mode="soft",
                method="BayesShrink",
            )
            total += np.roll(made, [-s for s in shift], (0, 1, 2))
        return np.asarray(total / len(shifts), dtype=np.float32)


@dataclass(frozen=True)
class TotalVariation:
    """Total variation in 3D (Rudin et al. 1992; Chambolle 2004), scikit-image.

    Parameters
    ----------
    strength
        Weight of the total variation, in units of sigma.
    """

    strength: float = 0.35
    name: str = "tv"

    def __call__(self, planes: Planes, sigma: float) -> Planes:
        """Denoise until the cost changes by less than 1e-4."""
        made = denoise_tv_chambolle(  # type: ignore[no-untyped-call]
            planes, weight=self.strength * sigma, eps=1e-4
        )
        return np.asarray(made, dtype=np.float32)


def classical_denoisers() -> tuple[Denoiser, ...]:
    """Return what needs no training, the scan as it is first."""
    return Unchanged(), NonLocalMeans(), Wavelet(), TotalVariation()


def in_slabs(denoiser: Denoiser, planes: Planes, sigma: float) -> Planes:
    """Denoise a stack (n, h, w) of any length, slab by slab."""
    per_slab = max(2 * OVERLAP, SLAB_VOXELS // max(1, int(np.prod(planes.shape[1:]))))
    if len(planes) <= per_slab:
        return denoiser(planes, sigma)
    made = np.empty_like(planes)
    for first, last, wide in _slabs(len(planes), per_slab):
        part = denoiser(planes[wide], sigma)
        made[first:last] = part[first - wide.start : last - wide.start]
    return made


def _slabs(n: int, per_slab: int) -> Iterator[tuple[int, int, slice]]:
    for first in range(0, n, per_slab):
        last = min(first + per_slab, n)
        yield first, last, slice(max(0, first - OVERLAP), min(n, last + OVERLAP))
