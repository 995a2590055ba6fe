"""Grain and sharpness: how the power of images is spread over spatial frequencies."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kurtosis


def radial_power(images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the mean power per ring of spatial frequency, up to half a cycle per voxel.

    Parameters
    ----------
    images
        (n, *S).

    Returns
    -------
    NDArray
        (b,) with b half the shortest side; ring 0, the mean, is left out. Each image loses its mean
        and is tapered by a Hann window, or the jump between opposite borders would drown the high
        frequencies.
    """
    shape = images.shape[1:]
    n_rings = min(shape) // 2
    frequencies = np.meshgrid(*(np.fft.fftfreq(side) for side in shape), indexing="ij")
    radius = np.sqrt(sum(f**2 for f in frequencies))
    ring = np.rint(radius * 2 * n_rings).astype(int).ravel()
    window = np.ones(shape)
    for axis, side in enumerate(shape):
        taper = np.hanning(side + 2)[1:-1]
        window *= taper.reshape([-1 if a == axis else 1 for a in range(len(shape))])
    power = np.zeros(window.size)
    for image in images:
        power += np.abs(np.fft.fftn((image - image.mean()) * window)).ravel() ** 2
    sums = np.bincount(ring, power, minlength=n_rings + 1)[1 : n_rings + 1]
    counts = np.bincount(ring, minlength=n_rings + 1)[1 : n_rings + 1]
    result: NDArray[np.float64] = sums / (counts * len(images))
    return result


def spectral_distance_db(fake: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """Return the power ratio of two sets (n, *S) in dB, root mean square over rings; 0 if alike."""
    tiny = 1e-12
    ratio = 10 * np.log10((radial_power(fake) + tiny) / (radial_power(real) + tiny))
    return float(np.sqrt((ratio**2).mean()))


def kurtosis_gap(fake: NDArray[np.float32], real: NDArray[np.float32]) -> float:
    """Return how differently peaked the grain is: noise of equal power is flatter than anatomy.

    Sets are (n, *S). Mean absolute difference of the log kurtosis of first and second differences
    along each axis, pooled over the set.
    """
    gaps = [
        abs(_log_kurtosis(fake, axis, order) - _log_kurtosis(real, axis, order))
        for axis in range(1, fake.ndim)
        for order in (1, 2)
    ]
    return float(np.mean(gaps))


def _log_kurtosis(images: NDArray[np.float32], axis: int, order: int) -> float:
    differences = np.diff(images, order, axis=axis).ravel()
    if not differences.any():
        return 0.0
    return float(np.log(kurtosis(differences.astype(np.float64), fisher=False)))
