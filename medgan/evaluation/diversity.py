"""How much samples differ from each other: similarity of pairs, and spread at each voxel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from medgan.evaluation.jackknife import Estimate

Image = NDArray[np.floating]

SIGMA, RADIUS = 1.5, 5
# Wang et al. 2003, section 3.2; the first scales are used, their sum brought to 1.
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001)
N_PAIRS = 100


def ms_ssim(first: Image, second: Image, value_range: float = 2.0) -> float:
    """Return the multi-scale structural similarity of two images in 2D or 3D, in 0..1.

    Parameters
    ----------
    first, second
        *S, each side at least 11.
    value_range
        Largest minus smallest possible value.

    Notes
    -----
    Gaussian window of sigma 1.5 and 11 voxels, K = 0.01 and 0.03, valid windows only; at most three
    scales, as many as leave 11 voxels along each side. Negative contrast terms count as 0.

    Raises
    ------
    ValueError
        If a side is shorter than 11.

    References
    ----------
    Wang, Simoncelli and Bovik 2003, eq. 7.
    """
    sides = min(first.shape)
    n_scales = sum(sides >> scale > 2 * RADIUS for scale in range(len(SCALE_WEIGHTS)))
    if not n_scales:
        raise ValueError(f"images of {first.shape} are smaller than the window of 11 voxels")
    weights = np.array(SCALE_WEIGHTS[:n_scales]) / sum(SCALE_WEIGHTS[:n_scales])
    result = 1.0
    for scale, weight in enumerate(weights):
        similarity, contrast = _ssim_terms(first, second, value_range)
        term = similarity if scale == n_scales - 1 else contrast
        result *= max(term, 0.0) ** weight
        first, second = _halve(first), _halve(second)
    return float(result)


def pair_similarity(images: NDArray[np.float32], rng: np.random.Generator) -> Estimate | None:
    """Return the mean MS-SSIM over random pairs of a set (n, *S) in -1..1.

    "Lower is better" is wrong: what counts is the value of pairs of real images. The mean image
    over and over gives 1. None for sets of one image, or images smaller than the window.
    """
    if len(images) < 2 or min(images.shape[1:]) <= 2 * RADIUS:
        return None
    pairs = _pairs(len(images), rng)
    values = np.array([ms_ssim(images[i], images[j]) for i, j in pairs])
    return Estimate(float(values.mean()), float(values.std() / np.sqrt(max(len(values) - 1, 1))))


def spread_ratio(fake: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """Return the spread across samples over that of real images, 1 if alike, 0 if all are one.

    Sets are (n, *S); root mean square over voxels of the standard deviation across the set.
    """
    fake_spread, real_spread = (
        float(np.sqrt(images.astype(np.float64).var(axis=0, ddof=1).mean()))
        for images in (fake, real)
    )
    return fake_spread / max(real_spread, 1e-12)


def _pairs(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    """Draw pairs of different images, each image about equally often."""
    pairs: list[tuple[int, int]] = []
    while len(pairs) < N_PAIRS:
        order = rng.permutation(n)
        pairs += [(int(i), int(j)) for i, j in zip(order, np.roll(order, 1), strict=True)]
    return pairs[:N_PAIRS]


def _ssim_terms(first: Image, second: Image, value_range: float) -> tuple[float, float]:
    """Mean of l * cs and of cs over valid windows (Wang et al. 2004, eq. 13)."""
    inner = (slice(RADIUS, -RADIUS),) * first.ndim
    x, y = first.astype(np.float64), second.astype(np.float64)

    def mean(image: Image) -> NDArray[np.float64]:
        return np.asarray(gaussian_filter(image, SIGMA, radius=RADIUS), dtype=np.float64)[inner]

    mx, my = mean(x), mean(y)
    vx, vy, vxy = mean(x * x) - mx**2, mean(y * y) - my**2, mean(x * y) - mx * my
    c1, c2 = (0.01 * value_range) ** 2, (0.03 * value_range) ** 2
    contrast = (2 * vxy + c2) / (vx + vy + c2)
    luminance = (2 * mx * my + c1) / (mx**2 + my**2 + c1)
    return float((luminance * contrast).mean()), float(contrast.mean())


def _halve(image: Image) -> Image:
    """Mean of blocks of 2 voxels along each axis; an odd last voxel is dropped."""
    for axis, side in enumerate(image.shape):
        even, odd = (np.take(image, range(k, side - side % 2, 2), axis=axis) for k in (0, 1))
        image = (even + odd) / 2
    return image
