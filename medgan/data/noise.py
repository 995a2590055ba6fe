"""Noise as scanners make it: Gaussian or Rician, white or correlated, alike or uneven over a scan.

Everything random is drawn first (`draw`) and then applied (`apply`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter

from medgan.settings import Settings

Floats = NDArray[np.float32]
Kind = Literal["gaussian", "rician"]


class NoiseSettings(Settings):
    """Which noise is drawn."""

    level: tuple[float, float] = (0.01, 0.15)
    """Range of the standard deviation, log-uniform, in units of P0.5..P99.5."""
    rician_share: float = Field(0.5, ge=0, le=1)
    """Share of magnitude images, whose noise is Rician; in the rest it is Gaussian."""
    floor: tuple[float, float] = (0.0, 0.5)
    """Range of the signal at P0.5 of half of the magnitude images; of the others it is 0. A scan
    that shows no air has none of its noise near the floor."""
    correlated_share: float = Field(0.2, ge=0, le=1)
    """Share whose noise is correlated within a slice, as after interpolation."""
    correlation_px: tuple[float, float] = (0.3, 0.9)
    """Range of the Gaussian that correlates it, standard deviation in pixels."""
    uneven_share: float = Field(0.25, ge=0, le=1)
    """Share whose noise level varies over the slice, as with several coils."""
    unevenness: float = Field(0.7, ge=0)
    """Largest log ratio of the level at a corner to that in the middle."""


@dataclass(frozen=True)
class Noise:
    """One draw of noise.

    Parameters
    ----------
    sigma
        Standard deviation of either channel, in the unit of the image.
    kind
        Gaussian: one channel is added. Rician: the magnitude of signal and two channels.
    zero
        Value of the image at which there is no signal; for `rician`.
    correlation_px
        Standard deviation of the Gaussian that correlates it within a slice; 0: white.
    slopes
        Log ratio of the level at the last row, and the last column, to that in the middle.
    """

    sigma: float
    kind: Kind = "gaussian"
    zero: float = 0.0
    correlation_px: float = 0.0
    slopes: tuple[float, float] = (0.0, 0.0)


def draw(settings: NoiseSettings, rng: np.random.Generator) -> Noise:
    """Draw what noise a sample gets."""
    low, high = np.log(settings.level)
    sigma = float(np.exp(rng.uniform(low, high)))
    is_rician = rng.random() < settings.rician_share
    floor = float(rng.uniform(*settings.floor)) if rng.random() < 0.5 else 0.0
    is_correlated = rng.random() < settings.correlated_share
    correlation = float(rng.uniform(*settings.correlation_px))
    is_uneven = rng.random() < settings.uneven_share
    rows, columns = rng.uniform(-settings.unevenness / 2, settings.unevenness / 2, 2)
    return Noise(
        sigma,
        "rician" if is_rician else "gaussian",
        -floor,
        correlation if is_correlated else 0.0,
        (float(rows), float(columns)) if is_uneven else (0.0, 0.0),
    )


def apply(noise: Noise, planes: Floats, rng: np.random.Generator) -> Floats:
    """Add noise to planes.

    Parameters
    ----------
    planes
        (n, h, w).
    rng
        For the noise itself; the same one gives the same noise.

    Returns
    -------
    ndarray
        (n, h, w). Rician: m = sqrt((A + n1)^2 + n2^2), A the signal, n1 and n2 alike and
        independent; Gudbjartsson and Patz 1995, eq. 1, is the distribution of m.
    """
    level = np.float32(noise.sigma) * _relief(noise, planes.shape[1:])
    first = level * _field(noise, planes.shape, rng)
    if noise.kind == "gaussian":
        return np.asarray(planes + first, dtype=np.float32)
    zero = np.float32(noise.zero)
    signal = np.maximum(planes - zero, 0)
    second = level * _field(noise, planes.shape, rng)
    return np.asarray(np.hypot(signal + first, second) + zero, dtype=np.float32)


def _field(noise: Noise, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draw standard normal noise (n, h, w), correlated within a plane where asked for."""
    white = rng.standard_normal(shape, dtype=np.float32)
    if not noise.correlation_px:
        return white
    width = noise.correlation_px
    blurred = gaussian_filter(white, (0, width, width), mode="wrap")
    impulse = np.zeros(17)
    impulse[8] = 1
    # The kernel is separable: the variance it leaves is the square of that along one axis.
    left = float(np.square(gaussian_filter(impulse, width)).sum())
    return np.asarray(blurred / left, dtype=np.float32)


def _relief(noise: Noise, shape: tuple[int, ...]) -> Floats:
    """Level (h, w) over that in the middle: exponential along rows and columns."""
    rows, columns = (np.linspace(-1, 1, side) for side in shape)
    log = noise.slopes[0] * rows[:, None] + noise.slopes[1] * columns
    return np.exp(log).astype(np.float32)
