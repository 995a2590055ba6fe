"""Small volumes with gaps, written by another program (nibabel)."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray


def values(shape: tuple[int, int, int], seed: int = 7) -> NDArray[np.int16]:
    """A smooth MR-like ball with a little noise; no slice of it is constant."""
    i, j, k = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    rng = np.random.default_rng(seed)
    ball = np.exp(-2 * (i**2 + j**2 + (k * 0.8) ** 2)) * (1 + 0.2 * np.sin(9 * i + 3 * k + seed))
    return np.asarray(np.rint(900 * ball + 20 * rng.random(shape) + 30).astype(np.int16))


def write_scan(
    path: Path,
    gaps: tuple[int, ...] = (),
    shape: tuple[int, int, int] = (24, 22, 20),
    n_volumes: int = 1,
    seed: int = 7,
) -> Path:
    """Write a volume, or several as 4D, whose slices at `gaps` are constant; returns the path."""
    volumes = [values(shape, seed + n) for n in range(n_volumes)]
    for volume in volumes:
        volume[:, :, list(gaps)] = 0
    array = volumes[0] if n_volumes == 1 else np.stack(volumes, axis=3)
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), path)
    return path
