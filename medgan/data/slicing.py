"""A slice as another protocol would have taken it: thick, blurred, between voxel planes, zoomed.

What is random is drawn first (`draw_*`) and then applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from medgan.data.slice_inputs import Floats

Side = Annotated[int, Field(ge=8, le=1024)]
"""Of a training crop, pixels."""


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if not 0 < limits[0] <= limits[1]:
        raise ValueError("give two numbers above 0, the smaller one first")
    return limits


Zoom = Annotated[tuple[float, float], AfterValidator(_rising)]
"""Range of the zoom of a plane."""

Profile = tuple[str, float]
"""Kind and width, in voxels, of what a slice is averaged with."""

LEAST_SIDE = 8
"""Pixels below which neither a window nor a zoomed plane gets."""


def draw_profile(
    slab_share: float, smooth_share: float, rng: np.random.Generator
) -> tuple[float, Profile]:
    """Draw the step from slice to slice, in voxels, and the profile of each."""
    u = rng.random()
    if u < slab_share:
        width = int(rng.integers(2, 5))
        # A third of the slabs overlap: reconstructions every 2 mm of 3 mm slices are common in CT.
        step = width if rng.random() < 0.67 else max(1, width - 1)
        return float(step), ("box", float(width))
    if u < slab_share + smooth_share:
        if rng.random() < 0.5:
            return float(rng.uniform(0.4, 0.95)), ("cubic", 1.0)
        return 1.0, ("gauss", float(rng.uniform(0.5, 1.2)))
    return 1.0, ("thin", 1.0)


def take_slice(
    values: Floats, axis: int, centre: float, profile: Profile, window: tuple[slice, slice]
) -> Floats:
    """Return one slice (h, w) of a volume: a weighted mean of voxel planes, within the window.

    Parameters
    ----------
    values
        (i, j, k).
    centre
        Where along the axis, in voxels; of a box, its first plane.
    """
    kind, width = profile
    planes = np.moveaxis(values, axis, 0)[(slice(None), *window)]
    last = len(planes) - 1
    if kind == "thin":
        return np.ascontiguousarray(planes[round(min(centre, last))])
    if kind == "box":
        low = min(round(centre), last)
        return np.asarray(planes[low : low + int(width)].mean(axis=0))
    reach = np.arange(int(np.floor(centre)) - 3, int(np.floor(centre)) + 5)
    if kind == "gauss":
        weights = np.exp(-0.5 * ((reach - centre) / width) ** 2)
    else:
        weights = _keys(reach - centre)
    weights /= weights.sum()
    used = np.clip(reach, 0, last)
    return np.tensordot(weights.astype(np.float32), planes[used], axes=1)


def _keys(x: NDArray[np.floating]) -> NDArray[np.floating]:
    """Cubic convolution kernel (Keys 1981, eq. 15, a = -1/2)."""
    d = np.abs(x)
    inner = 1.5 * d**3 - 2.5 * d**2 + 1
    outer = -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return np.where(d < 1, inner, np.where(d < 2, outer, 0.0))


def draw_zoom(share: float, limits: tuple[float, float], rng: np.random.Generator) -> float:
    """Draw a zoom, log-uniform within limits for a share of the draws; 1 for the others."""
    if rng.random() >= share:
        return 1.0
    low, high = np.log(limits)
    return float(np.exp(rng.uniform(low, high)))


def draw_window(
    sides: Sequence[int], wanted: tuple[int, int], zoom: float, rng: np.random.Generator
) -> tuple[slice, slice]:
    """Draw a window of a plane that zooming makes as large as wanted, or as the plane allows.

    Parameters
    ----------
    sides, wanted
        Rows and columns of the plane, and of the window after zooming.
    """
    spans = [
        min(side, max(LEAST_SIDE, round(want / zoom)))
        for side, want in zip(sides, wanted, strict=True)
    ]
    starts = [int(rng.integers(side - span + 1)) for side, span in zip(sides, spans, strict=True)]
    rows, columns = (slice(a, a + d) for a, d in zip(starts, spans, strict=True))
    return rows, columns


def zoomed(plane: Floats, zoom: float) -> Floats:
    """Return a plane (h, w) resampled to `zoom` times its pixels: area means down, cubic up."""
    if zoom == 1.0:
        return plane
    size = tuple(max(LEAST_SIDE, round(side * zoom)) for side in plane.shape[::-1])
    kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(plane, size, interpolation=kind), dtype=np.float32)
