"""What one slice looks like, and how it lies between its neighbours: plain figures of planes.

Every plane is on the scale of its scan, about 0..1 (P0.5..P99.5). `detect` compares each figure
with the same one of the slices around.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

EPSILON = 0.005
"""Differences below this share of the range are as good as none."""
LOW_BAND = 1 / 12
"""Stripes repeat at least every 12 pixels; what is slower is anatomy."""
BRIGHT = 0.2
"""Level from which a place holds signal."""
LEAST_BRIGHT = 0.02
"""Share of the area below which nothing is said of the signal."""
FARTHEST_PX = 8.0
"""Translations beyond this are not followed: the residual tells them."""
WIDEST_PX = 192
"""Larger planes are halved before they are registered, as often as it takes."""

Plane = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Slice:
    """One plane (h, w) with what is derived from it alone, each computed once."""

    plane: Plane

    @cached_property
    def noise(self) -> float:
        """Level of the finest detail, about the SD of white noise.

        Mean of the lower three quarters of |d|, d the diagonal second difference, which edges
        along rows and columns leave at 0 (the HH band of Donoho and Johnstone 1994). Flat parts
        do not count: a masked background would hide all noise.
        """
        x = self.plane
        d = (x[1:, 1:] - x[1:, :-1] - x[:-1, 1:] + x[:-1, :-1]) / 2
        rising = np.sort(np.abs(d[d != 0]))
        lower = rising[: rising.size * 3 // 4]
        return float(lower.mean()) * 1.942 if lower.size else 0.0

    @cached_property
    def sharpness(self) -> float:
        """Root mean square of the five-point Laplacian."""
        bends = np.asarray(cv2.Laplacian(self.plane, cv2.CV_32F), dtype=np.float32)
        return rms(bends[1:-1, 1:-1])

    @cached_property
    def saturated(self) -> float:
        """Share of pixels that all hold the largest value; 0 where that value is dark."""
        largest = float(self.plane.max())
        return float(np.mean(self.plane >= largest - 1e-6)) if largest > 0.3 else 0.0

    @cached_property
    def spectrum(self) -> Plane:
        """Amplitude of every wave in the plane, half of the frequencies."""
        return amplitudes(self.plane - self.plane.mean())

    @cached_property
    def smooth(self) -> Plane:
        """Small and blurred by one pixel, for registration."""
        plane = self.plane
        for _ in range(halvings(plane.shape)):
            half = cv2.resize(plane, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            plane = np.asarray(half, dtype=np.float32)
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0), dtype=np.float32)


def rms(values: NDArray[np.floating]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values, dtype=np.float64))))


def halvings(shape: tuple[int, ...]) -> int:
    """Return how often a plane is halved before it is registered."""
    return max(0, int(np.ceil(np.log2(max(shape) / WIDEST_PX))))


def amplitudes(plane: Plane) -> Plane:
    """Amplitude of every wave under a Hann window, (h, w // 2 + 1)."""
    window = _hann(*plane.shape)
    waves = np.abs(np.fft.rfft2(plane * window)) * (2 / window.sum())
    return np.asarray(waves, dtype=np.float32)


@cache
def _hann(h: int, w: int) -> Plane:
    return np.outer(np.hanning(h + 2)[1:-1], np.hanning(w + 2)[1:-1]).astype(np.float32)


@cache
def _is_fast(h: int, w: int) -> NDArray[np.bool_]:
    rows, columns = np.fft.fftfreq(h)[:, None], np.fft.rfftfreq(w)[None]
    fast: NDArray[np.bool_] = np.hypot(rows, columns) >= LOW_BAND
    return fast


def stripes(here: Slice, before: Slice, after: Slice, residual: Plane) -> float:
    """Return how far one wave stands out, of its own surroundings and of both neighbours.

    Largest, over all waves, of the amplitude that neither neighbour has near that frequency, times
    the logarithm of how far the residual's amplitude exceeds the median around it. Stripes and
    the pattern of a spike in k-space are single waves; anatomy is not.
    """
    beside = cv2.dilate(np.maximum(before.spectrum, after.spectrum), np.ones((3, 3), np.uint8))
    excess = np.maximum(here.spectrum - beside, 0)
    waves = amplitudes(residual)
    around = cv2.medianBlur(np.pad(waves, ((2, 2), (0, 0)), mode="wrap"), 5)[2:-2]
    floor = np.float32(0.4 * EPSILON)
    contrast = np.maximum(np.log((waves + floor) / (around + floor)), 0)
    return float((excess * contrast * _is_fast(*residual.shape)).max())


def between(before: Plane, after: Plane, fraction: float) -> Plane:
    """Return the plane a share of the way from one to the other."""
    return np.float32(1 - fraction) * before + np.float32(fraction) * after


def bright_in_both(before: Plane, after: Plane) -> NDArray[np.bool_]:
    """Return where both neighbours hold signal, 5 x 5 means: what a slice between holds as well."""
    both: NDArray[np.bool_] = np.minimum(cv2.blur(before, (5, 5)), cv2.blur(after, (5, 5))) > BRIGHT
    return both


def gain(plane: Plane, predicted: Plane, bright: NDArray[np.bool_]) -> float:
    """Logarithm of the median of plane over prediction, 5 x 5 means, where there is signal."""
    if bright.mean() < LEAST_BRIGHT:
        return 0.0
    here, there = cv2.blur(plane, (5, 5))[bright], cv2.blur(predicted, (5, 5))[bright]
    return float(np.log(max(float(np.median(here / there)), EPSILON)))


def lost(plane: Plane, predicted: Plane, bright: NDArray[np.bool_]) -> float:
    """Share of the bright area where less than 40 % of the signal is left, 5 x 5 means."""
    if bright.mean() < LEAST_BRIGHT:
        return 0.0
    here, there = cv2.blur(plane, (5, 5))[bright], cv2.blur(predicted, (5, 5))[bright]
    return float(np.mean(here < 0.4 * there))


def content(predicted: Plane) -> float:
    """Share of the area that holds signal."""
    return float(np.mean(cv2.blur(predicted, (5, 5)) > 0.1))


def ghost(residual: Plane, predicted: Plane) -> float:
    """Largest coefficient of the prediction, moved by a sixth of a side or more, in the residual.

    A Nyquist ghost is the image itself, moved by half the field of view along phase encoding. What
    the prediction explains in place is left out: a slice beside a dimmed one is no ghost.
    """
    energy = float(np.square(predicted).sum()) + 1e-3 * residual.size
    residual = residual - np.float32(float((residual * predicted).sum()) / energy) * predicted
    best = 0.0
    for axis in (0, 1):
        n = residual.shape[axis]
        left = np.fft.rfft(residual, axis=axis)
        right = np.fft.rfft(predicted, axis=axis)
        along = np.fft.irfft((left * right.conj()).sum(axis=1 - axis), n)
        best = max(best, float(along[n // 6 : n - n // 6].max(initial=0.0)))
    return best / energy


def displacement(here: Slice, before: Slice, after: Slice, fraction: float) -> float:
    """Return pixels off the line between the neighbours, times what moving back explains.

    The neighbours' own drift cancels: the translations against both are weighted by nearness. The
    second factor is the logarithm of how much the residual falls once the slice is moved back.
    """
    to_before, to_after = (translation(here.smooth, n.smooth) for n in (before, after))
    off = (1 - fraction) * to_before + fraction * to_after
    predicted = between(before.smooth, after.smooth, fraction)
    still, moved = (
        rms((plane - predicted)[2:-2, 2:-2]) for plane in (here.smooth, shift(here.smooth, off))
    )
    explained = max(0.0, float(np.log((still + EPSILON) / (moved + EPSILON))))
    pixels = float(np.hypot(*off)) * float(2 ** halvings(here.plane.shape))
    return pixels * explained


def translation(plane: Plane, reference: Plane) -> NDArray[np.float64]:
    """Return (x, y) pixels that a plane has to be sampled further on to lie on a reference.

    Gauss-Newton on the brightness equation, gain and offset free (Lucas and Kanade 1981).
    """
    slope_y, slope_x = np.gradient(reference)
    terms = np.stack([slope_x, slope_y, np.ones_like(reference), reference])
    A = terms[:, 2:-2, 2:-2].reshape(4, -1)
    normal = (A @ A.T).astype(np.float64) + 1e-6 * A.shape[1] * np.eye(4)
    found = np.zeros(2)
    for _ in range(5):
        wrong = (shift(plane, found) - reference)[2:-2, 2:-2].reshape(-1)
        step = np.clip(-np.linalg.solve(normal, (A @ wrong).astype(np.float64))[:2], -2, 2)
        found = np.clip(found + step, -FARTHEST_PX, FARTHEST_PX)
        if np.abs(step).max() < 0.02:
            break
    return found


def shift(plane: Plane, by: NDArray[np.float64]) -> Plane:
    """Sample a plane (x, y) pixels further on, bilinear, borders repeated."""
    h, w = plane.shape
    moving = np.array([[1, 0, by[0]], [0, 1, by[1]]], dtype=np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(plane, moving, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)
