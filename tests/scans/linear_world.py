"""A tilted DICOM series whose value is a linear function of world position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.scans.series import Series, make_series, save, set_pixels, without

TILTED = Series(n=9, rows=20, columns=14, tilt_mm=0.3, step_mm=2.5, slope=0.5, intercept=-1000.0)
STEP = 0.5
"""The quantisation step of that series: its rescale slope."""


def linear(lps: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(..., 3)` LPS millimetres to values that rise evenly along all three axes."""
    return 60 + np.asarray(lps, dtype=float) @ np.array([4.1, -7.3, 3.7])


def points(series: Series, offset_mm: float) -> NDArray[np.float64]:
    """(rows, columns, 3) LPS position of every pixel of a slice."""
    rows, columns = np.arange(series.rows), np.arange(series.columns)
    right = np.array(series.axes[0]) * series.spacing_mm[1]
    down = np.array(series.axes[1]) * series.spacing_mm[0]
    corner = series.position(offset_mm)
    return corner + columns[None, :, None] * right + rows[:, None, None] * down


def save_linear(
    folder: Path, lost: tuple[int, ...] = (), series: Series = TILTED, padding: int | None = None
) -> Path:
    """Write the series; with `padding`, the first two rows and columns of each slice hold it."""
    datasets = make_series(series)
    for dataset, offset in zip(datasets, series.offsets(), strict=True):
        if padding is not None:
            dataset.add_new("PixelPaddingValue", "US", padding)
        set_pixels(dataset, linear(points(series, offset)), padding)
    save(without(datasets, *lost), folder)
    return folder
