"""Scans with filled gaps, for the tests of the writers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from medgan.scans import Grid, Scan, Source, load
from tests.scans.series import make_series, save, without
from tests.scans.volumes import STRAIGHT, world_volume

MADE = 1.0


def filled(scan: Scan) -> Scan:
    """Fill every gap with the slice before it and a little more, so that fills are no copies."""
    slabs = np.moveaxis(scan.values, scan.axis, 0)
    before = [max(q for q in np.flatnonzero(scan.present) if q < p) for p in scan.missing]
    return scan.with_slices(scan.missing, slabs[before] + MADE)


def restored_series(folder: Path, lost: tuple[int, ...] = (4, 5), **knobs: object) -> Scan:
    """Write a series without some slices, read it, fill its gaps."""
    save(without(make_series(**knobs), *lost), folder)
    (scan,) = load(folder)
    return filled(scan)


def virtual_scan(modality: str = "ct", dtype: str = "float32", axis: int = 2) -> Scan:
    """Make a wholly synthetic scan without files, of the world's values."""
    values = world_volume(STRAIGHT)
    stored = values.astype(dtype) if dtype.startswith("f") else np.rint(values).astype(dtype)
    n = stored.shape[axis]
    return Scan(
        id="case_0001",
        stored=stored,
        grid=Grid(stored.shape, STRAIGHT),
        axis=axis,
        present=np.ones(n, bool),
        synthetic=np.ones(n, bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
        modality=modality,
        format="nifti",
        source=Source(Path(), ()),
    )


def measured(scan: Scan, *positions: int) -> Scan:
    """The same scan, but only some positions are synthetic."""
    synthetic = np.zeros(scan.n_positions, bool)
    synthetic[list(positions)] = True
    return replace(scan, synthetic=synthetic)
