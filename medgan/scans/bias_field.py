"""The bias field of MR coils by N4, through SimpleITK."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_SIDE = 16
"""Voxels that a side keeps when the scan is shrunk for the fit: the field is smooth."""
N_ITERATIONS = (50, 50, 50, 50)
"""At each of four resolutions, as in the paper."""


def bias_field(
    values: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Estimate the multiplicative bias field of an MR scan.

    Parameters
    ----------
    values
        (i, j, k) physical values; N4 takes their logarithm, so what is not above 0 does not count.
    spacing_mm
        Voxel step along (i, j, k).

    Returns
    -------
    ndarray
        (i, j, k) float32 above 0, its geometric mean over the foreground (Otsu's threshold) 1:
        dividing by it keeps the level of the scan.

    Notes
    -----
    Tustison et al. 2010, N4ITK, doi 10.1109/TMI.2010.2046908, with the settings of its
    implementation. The scan is shrunk up to fourfold for the fit.
    """
    import SimpleITK  # slow to load, and seldom needed

    positive = np.where(np.isfinite(values) & (values > 0), values, 0)
    image = SimpleITK.GetImageFromArray(positive.astype(np.float32).T)
    image.SetSpacing(spacing_mm)
    mask = SimpleITK.OtsuThreshold(image, 0, 1, 200)
    factors = [max(1, min(4, side // LEAST_SIDE)) for side in values.shape]
    n4 = SimpleITK.N4BiasFieldCorrectionImageFilter()
    n4.SetMaximumNumberOfIterations(N_ITERATIONS)
    n4.Execute(SimpleITK.Shrink(image, factors), SimpleITK.Shrink(mask, factors))
    log_field = SimpleITK.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image)).T.astype(np.float64)
    foreground = SimpleITK.GetArrayFromImage(mask).T > 0
    level = log_field[foreground].mean() if foreground.any() else 0.0
    return np.exp(log_field - level).astype(np.float32)
