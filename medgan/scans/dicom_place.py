"""Where an image plane lies and how its values scale, from the elements that say so."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from medgan.scans.dicom_tags import Tags
from medgan.scans.planes import Place

NO_RESCALE = "no rescale in the header: values are as stored, perhaps no Hounsfield units"


def place_of(position: Tags | None, plane: Tags | None, measures: Tags | None) -> Place | None:
    """Gather a plane's place from the data sets that hold its parts; None where one is lacking."""
    if position is None or plane is None or measures is None:
        return None
    first = vector(position, 0x00200032, 3)
    axes, spacing = orientation(plane), pixel_spacing(measures)
    if first is None or axes is None or spacing is None:
        return None
    return Place(first, axes, spacing, rounding_mm(position.texts(0x00200032)))


def value_damage(tags: Tags, slope: float, intercept: float) -> str:
    """Say why stored values cannot be turned into physical ones by a line; empty when they can."""
    if 0x00283000 in tags:
        return "a lookup table instead of a rescale"
    return line_damage(slope, intercept)


def line_damage(slope: float, intercept: float) -> str:
    """Say why a slope and an intercept make no line; empty when they do."""
    if np.isnan(slope + intercept):
        return "a rescale that is no number"
    return "a rescale slope of 0" if slope == 0 else ""


def vector(tags: Tags, tag: int, n: int) -> NDArray[np.float64] | None:
    """Return `n` numbers of an element, None unless there are exactly that many."""
    values = tags.numbers(tag)
    return np.array(values) if len(values) == n else None


def orientation(tags: Tags) -> NDArray[np.float64] | None:
    """Image Orientation (Patient) as two unit vectors, None when absent or not orthogonal."""
    values = vector(tags, 0x00200037, 6)
    if values is None:
        return None
    axes = values.reshape(2, 3)
    lengths = np.linalg.norm(axes, axis=1)
    if (np.abs(lengths - 1) > 0.02).any() or abs(float(axes[0] @ axes[1])) > 0.01:
        return None
    normalised: NDArray[np.float64] = axes / lengths[:, None]
    return normalised


def pixel_spacing(tags: Tags) -> tuple[float, float] | None:
    """Pixel Spacing (row, column) in mm, None when absent or not positive."""
    values = tags.numbers(0x00280030)
    if len(values) != 2 or min(values) <= 0:
        return None
    return values[0], values[1]


def rescale(tags: Tags) -> tuple[float, float]:
    """Rescale slope and intercept; 1 and 0 where the header has none, NaN where it is no number."""
    return _number(tags, 0x00281053, 1.0), _number(tags, 0x00281052, 0.0)


def _number(tags: Tags, tag: int, default: float) -> float:
    value = tags.number(tag)
    if value is not None:
        return value
    return float("nan") if tags.text(tag) else default


def rounding_mm(texts: tuple[str, ...]) -> float:
    """Half a unit of the last decimal that any of the coordinates was written with."""
    decimals = [len(text.partition(".")[2]) for text in texts if "e" not in text.lower()]
    return 0.5 * 10.0 ** -max(decimals) if decimals else 0.0
