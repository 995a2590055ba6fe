"""How near an estimate comes to the truth, slice by slice: PSNR, SSIM, MAE, HU shift, texture."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import laplace, uniform_filter

Planes = NDArray[np.floating]

SSIM_WINDOW = 7


def psnr(estimate: Planes, truth: Planes, value_range: float) -> float:
    """Peak signal-to-noise ratio in dB over all voxels given (any shape), no clipping.

    10 log10(range^2 / mean squared error); infinite where they are equal.
    """
    error = float(np.mean(np.square(estimate.astype(np.float64) - truth)))
    return math.inf if error == 0 else 10 * math.log10(value_range**2 / error)


def ssim(estimate: Planes, truth: Planes, value_range: float) -> float:
    """Structural similarity of one slice (h, w).

    Wang et al. 2004 with a 7 x 7 uniform window, sample covariance, K = .01 and .03, averaged over
    the windows that lie wholly inside; NaN for slices smaller than the window.
    """
    x, y = estimate.astype(np.float64), truth.astype(np.float64)
    n = SSIM_WINDOW**2
    mean_x, mean_y = uniform_filter(x, SSIM_WINDOW), uniform_filter(y, SSIM_WINDOW)
    sample = n / (n - 1)
    var_x = sample * (uniform_filter(x * x, SSIM_WINDOW) - mean_x**2)
    var_y = sample * (uniform_filter(y * y, SSIM_WINDOW) - mean_y**2)
    cov = sample * (uniform_filter(x * y, SSIM_WINDOW) - mean_x * mean_y)
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    index = ((2 * mean_x * mean_y + c1) * (2 * cov + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2)
    )
    edge = SSIM_WINDOW // 2
    valid = index[edge:-edge, edge:-edge]
    return float(valid.mean()) if valid.size else math.nan


def ssim_slices(estimate: Planes, truth: Planes, value_range: float) -> float:
    """Mean over slices (n, h, w) of `ssim`."""
    return float(np.mean([ssim(e, t, value_range) for e, t in zip(estimate, truth, strict=True)]))


def mae(estimate: Planes, truth: Planes) -> float:
    """Mean absolute error of arrays of one shape (any), in the unit of the values."""
    return float(np.mean(np.abs(estimate.astype(np.float64) - truth)))


def mean_shift(estimate: Planes, truth: Planes) -> float:
    """Mean of estimate - truth (any shape), in the unit of the values: for CT the shift in HU."""
    return float(np.mean(estimate.astype(np.float64) - truth))


def sharpness(estimate: Planes, truth: Planes) -> float:
    """Laplacian energy within the slices (n, h, w), estimate over truth; 1 is as sharp as true."""

    def energy(planes: Planes) -> float:
        return float(np.mean([np.square(laplace(p.astype(np.float64))).mean() for p in planes]))

    true = energy(truth)
    return energy(estimate) / true if true else math.nan


def flicker(filled: Planes, true: Planes, before: Planes, after: Planes) -> float:
    """Energy of the second difference across one slice, filled over true; 1 is as true.

    Parameters
    ----------
    filled, true
        (h, w).
    before, after
        (h, w) the slices on either side.
    """

    def energy(middle: Planes) -> float:
        return float(np.mean(np.square(before.astype(np.float64) - 2 * middle + after)))

    reference = energy(true)
    return energy(filled) / reference if reference else math.nan
