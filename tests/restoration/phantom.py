"""A scan whose every value is a function of world position, and holes in it."""

from pathlib import Path

import numpy as np

from medgan.interpolation import Stack
from medgan.scans import Grid, Scan, Source


def intensity(x, y, z):
    """Oblique tubes and a slow wave: what flow, splines and networks each have a chance at."""
    tubes = sum(
        np.exp(-((x - cx - 0.6 * s * z) ** 2 + (y - cy + 0.4 * s * z) ** 2) / 30)
        for cx, cy, s in [(12, 20, 1), (30, 8, -1), (22, 30, 0.5)]
    )
    wave = 0.3 * np.sin(x / 6 + z / 9) * np.cos(y / 7 - z / 11)
    return 900 * tubes + 300 * wave + 400


def make_scan(n=24, shape=(40, 44), axis=2, through=1.0, seed=0, **changes):
    """An MR volume of n slices along `axis` with a little noise, int16."""
    size = list(shape)
    size.insert(axis, n)
    spacing = [1.0, 1.0]
    spacing.insert(axis, through)
    along = [a for a in (0, 1, 2) if a != axis]
    index = np.indices(size).astype(float)
    x, y, z = index[along[0]], index[along[1]], index[axis] * through
    noise = np.random.default_rng(seed).normal(0, 4, size)
    stored = np.rint(intensity(x, y, z) + noise).astype(np.int16)
    fields = {
        "id": "phantom",
        "stored": stored,
        "grid": Grid(tuple(size), np.diag([*spacing, 1.0])),
        "axis": axis,
        "present": np.ones(n, bool),
        "synthetic": np.zeros(n, bool),
        "slope": np.ones(n),
        "intercept": np.zeros(n),
        "modality": "mr",
        "format": "nifti",
        "source": Source(Path("phantom.nii"), (Path("phantom.nii"),)),
    }
    return Scan(**(fields | changes))


def make_holes(scan, positions):
    """The scan with these slices gone: their stored values too."""
    stored = scan.stored.copy()
    np.moveaxis(stored, scan.axis, 0)[list(positions)] = 0
    holed = scan.without(positions)
    return type(scan)(**{**holed.__dict__, "stored": stored})


def make_stack(present, shape=(40, 44), seed=0):
    """Planes about 0..1 at even positions."""
    scan = make_scan(len(present), shape, seed=seed)
    planes = np.moveaxis(scan.values, 2, 0) / 1500
    return Stack(
        np.ascontiguousarray(planes), np.array(present, bool), np.arange(len(present)) * 1.0, 1.0
    )
