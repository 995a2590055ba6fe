"""Generated scans with labels: a head as MR shows it, a trunk as CT does, each case another.

The anatomy is a function of world position alone: two grids over the same place show the same
body. Only the noise belongs to the voxel. Everything follows from the seed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from medgan.data.phantom_body import LABELS as BODY_LABELS
from medgan.data.phantom_body import paint_trunk
from medgan.data.phantom_brain import LABELS as BRAIN_LABELS
from medgan.data.phantom_brain import paint_head
from medgan.data.phantom_field import Field, Points, Triple, waves
from medgan.data.streams import stream
from medgan.scans import Grid, Scan, Source

__all__ = ["BODY_LABELS", "BRAIN_LABELS", "Kind", "as_scan", "body_ct", "brain_mr", "grid_over"]

Kind = Literal["brain", "body"]
Phantom = tuple[Field, NDArray[np.uint8], Grid]

BRAIN_FIELD_MM = (180.0, 220.0, 150.0)
BODY_FIELD_MM = (400.0, 330.0, 220.0)
HU_RANGE = (-1024, 3071)


def brain_mr(
    seed: int,
    shape: tuple[int, int, int] = (96, 96, 40),
    spacing: Triple | None = None,
    *,
    noise: bool = True,
) -> Phantom:
    """Make one T1-weighted head: tissue under a bias field, with Rician noise.

    Parameters
    ----------
    shape
        Voxels towards right, front and top.
    spacing
        In mm; None spreads the shape over 180 x 220 x 150 mm.
    noise
        False leaves what is a function of world position alone.

    Returns
    -------
    values
        `(i, j, k)` float32 from 0 on, in arbitrary units (white matter at about 300 to 1300).
    labels
        `(i, j, k)` uint8; names in `BRAIN_LABELS`.
    grid
        RAS+, centred on the head.
    """
    grid = grid_over(shape, spacing or _over(BRAIN_FIELD_MM, shape))
    points = Points.of(grid)
    canvas = paint_head(points, stream(seed, "brain anatomy"))
    scanner = stream(seed, "brain scanner")
    gain = scanner.uniform(400, 1600)
    bias = np.exp(np.float32(0.13) * waves(points, scanner, 3, (240, 480)))
    signal = np.float32(gain) * bias * canvas.values
    if noise:
        sigma = np.float32(gain * scanner.uniform(0.010, 0.025))
        rng = stream(seed, "brain noise")
        real, imaginary = (rng.standard_normal(shape, dtype=np.float32) * sigma for _ in range(2))
        # A magnitude image is the length of a complex number with noise on both parts.
        signal = np.hypot(signal + real, imaginary)
    return signal, canvas.labels, grid


def body_ct(
    seed: int,
    shape: tuple[int, int, int] = (96, 96, 40),
    spacing: Triple | None = None,
    *,
    noise: bool = True,
) -> Phantom:
    """Make one trunk, chest to kidneys, in whole Hounsfield units with Gaussian noise.

    Parameters
    ----------
    shape, spacing, noise
        As for `brain_mr`; the field is 400 x 330 x 220 mm.

    Returns
    -------
    values
        `(i, j, k)` float32 whole numbers, -1024 to 3071 HU.
    labels
        `(i, j, k)` uint8; names in `BODY_LABELS`.
    grid
        RAS+, centred on the trunk.
    """
    grid = grid_over(shape, spacing or _over(BODY_FIELD_MM, shape))
    canvas = paint_trunk(Points.of(grid), stream(seed, "body anatomy"))
    values = canvas.values
    if noise:
        sigma = np.float32(stream(seed, "body scanner").uniform(8, 18))
        rng = stream(seed, "body noise")
        values = values + rng.standard_normal(shape, dtype=np.float32) * sigma
    return np.clip(np.rint(values), *HU_RANGE), canvas.labels, grid


def grid_over(shape: tuple[int, int, int], spacing: Triple) -> Grid:
    """Return a RAS+ grid centred on the origin."""
    affine = np.diag([*spacing, 1.0])
    affine[:3, 3] = [-(n - 1) / 2 * step for n, step in zip(shape, spacing, strict=True)]
    return Grid(shape, affine)


def as_scan(values: Field, grid: Grid, modality: str, scan_id: str) -> Scan:
    """Hold a phantom (i, j, k) as a scan in int16 whole numbers, every slice marked synthetic."""
    n = grid.shape[2]
    return Scan(
        id=scan_id,
        stored=np.rint(values).astype(np.int16),
        grid=grid,
        axis=2,
        present=np.ones(n, dtype=bool),
        synthetic=np.ones(n, dtype=bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        modality=modality,
        format="nifti",
        source=Source(root=Path(), files=()),
    )


def _over(field_mm: Triple, shape: tuple[int, int, int]) -> Triple:
    x, y, z = (length / n for length, n in zip(field_mm, shape, strict=True))
    return x, y, z
