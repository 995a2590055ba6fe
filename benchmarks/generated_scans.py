"""Scans of any size made in seconds: a body with moving organs and noise, written to disk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # the series is made as in the tests

from medgan.scans import Grid, Scan, Source
from tests.scans.series import make_series, save

N_ORGANS = 12
NOISE_HU = 4.0
STEP_MM = (0.8, 0.8, 1.0)


def generated_volume(shape: Sequence[int], seed: int = 0) -> NDArray[np.int16]:
    """Make `(i, j, k)` HU, slice after slice: never more than one of them in floating point."""
    n_i, n_j, n_k = shape
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, NOISE_HU, (n_i + 64, n_j + 64)).astype(np.float32)
    x = np.linspace(-1, 1, n_i, dtype=np.float32)[:, None]
    y = np.linspace(-1, 1, n_j, dtype=np.float32)[None]
    body = (x / 0.8) ** 2 + (y / 0.6) ** 2 < 1
    volume = np.empty((n_k, n_j, n_i), np.int16).transpose(2, 1, 0)
    for k in range(n_k):
        plane = np.where(body, np.float32(40), np.float32(-1000)) + _organs(x, y, k / 12 + seed)
        a, b = rng.integers(0, 64, 2)
        volume[:, :, k] = np.rint(plane + noise[a : a + n_i, b : b + n_j])
    return volume


def _organs(x: NDArray[np.float32], y: NDArray[np.float32], t: float) -> NDArray[np.float32]:
    """Soft balls that wander and swell from slice to slice."""
    total = np.zeros(np.broadcast_shapes(x.shape, y.shape), np.float32)
    for n in range(N_ORGANS):
        at_x = 0.5 * np.sin(2.1 * n + 0.3 * np.sin(0.2 * t + n))
        at_y = 0.4 * np.cos(1.7 * n + 0.25 * np.cos(0.15 * t + n))
        radius = 0.06 + 0.03 * np.sin(n + 0.3 * t)
        height = (-1) ** n * (100 + 30 * n)
        distance = (x - np.float32(at_x)) ** 2 + (y - np.float32(at_y)) ** 2
        total += np.float32(height) * np.exp(-distance / np.float32(radius**2))
    return total


def as_scan(volume: NDArray[np.int16]) -> Scan:
    """Return a complete CT scan that lies in no file."""
    n = volume.shape[2]
    shape = (volume.shape[0], volume.shape[1], n)
    return Scan(
        id="generated",
        stored=volume,
        grid=Grid(shape, np.diag([*STEP_MM, 1.0])),
        axis=2,
        present=np.ones(n, bool),
        synthetic=np.zeros(n, bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        modality="ct",
        format="nifti",
        source=Source(Path("generated.nii"), ()),
    )


def write_volume(
    volume: NDArray[np.int16], folder: Path, gone: Sequence[int], name: str = "scan.nii"
) -> None:
    """Write a NIfTI file in which some slices hold nothing."""
    holed = volume.copy()
    holed[:, :, list(gone)] = 0
    image = nib.Nifti1Image(holed, np.diag([-STEP_MM[0], -STEP_MM[1], STEP_MM[2], 1.0]))
    image.header.set_xyzt_units("mm")
    folder.mkdir(parents=True, exist_ok=True)
    nib.save(image, folder / name)


def write_dicom_series(volume: NDArray[np.int16], folder: Path, gone: Sequence[int]) -> None:
    """Write a CT series, one file a slice; missing slices have none."""
    n_i, n_j, n = volume.shape
    stack = make_series(n=n, rows=2, columns=2, step_mm=STEP_MM[2], signed=True, intercept=0.0)
    for k, dataset in enumerate(stack):
        if k in set(gone):
            continue
        dataset.Rows, dataset.Columns = n_j, n_i
        dataset.PixelData = volume[:, :, k].T.tobytes()
        save([dataset], folder, [f"{k:05d}.dcm"])
        dataset.PixelData = b""
