"""One treatment for real and virtual volumes before they are compared.

A two-sample test finds any difference in preparation at once (crop against resample gave an AUC of
1.0), so both sides go through files and then through these functions, in the same order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.errors import DataError

LOW_PERCENTILE, HIGH_PERCENTILE = 0.5, 99.5


def common_shape(shapes: Sequence[tuple[int, ...]], multiple: int = 8) -> tuple[int, ...]:
    """Return the median shape, rounded to a multiple of `multiple` along each axis.

    Raises
    ------
    DataError
        If there is no shape, or 2D and 3D are mixed.
    """
    if len({len(shape) for shape in shapes}) != 1:
        raise DataError(
            "expected volumes of one dimension, found "
            + (", ".join(sorted({f"{len(shape)}D" for shape in shapes})) or "none"),
            hint="Give one folder of 2D pictures or one of 3D volumes.",
        )
    median = np.median(np.asarray(shapes, dtype=np.float64), axis=0)
    return tuple(int(max(1, round(side / multiple)) * multiple) for side in median)


def common_grid(
    images: Sequence[NDArray[np.generic]], shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """Bring images to one shape and one range.

    Parameters
    ----------
    images
        Arrays of any size and intensity unit, each of `len(shape)` dimensions.
    shape
        Wanted shape; centre crop where an image is larger, repeated edges where it is smaller.

    Returns
    -------
    NDArray
        (n, *shape) float32 in -1..1: percentiles 0.5 and 99.5 of what is inside `shape` go to -1
        and 1, values beyond are clipped. An image of one value becomes -1. Values that are not
        finite stay so, and take no part in the percentiles.
    """
    return np.stack([_normalise(_fit(np.asarray(image), shape, "edge")) for image in images])


def common_labels(
    labels: Sequence[NDArray[np.generic]], shape: tuple[int, ...]
) -> NDArray[np.int32]:
    """Bring label maps to one shape like `common_grid`, (n, *shape); new voxels are background."""
    return np.stack(
        [_fit(np.asarray(label), shape, "constant").astype(np.int32) for label in labels]
    )


def _fit(array: NDArray[np.generic], shape: tuple[int, ...], padding: str) -> NDArray[np.generic]:
    """Crop about the centre, then pad about the centre."""
    if array.ndim != len(shape):
        raise DataError(
            f"expected {len(shape)} dimensions, found shape {array.shape}",
            hint="Compare 2D with 2D and 3D with 3D; split 4D series first.",
        )
    excess = [have - want for have, want in zip(array.shape, shape, strict=True)]
    crop = tuple(
        slice(max(e, 0) // 2, max(e, 0) // 2 + min(have, want))
        for e, have, want in zip(excess, array.shape, shape, strict=True)
    )
    lacking = [max(-e, 0) for e in excess]
    widths = [(lack // 2, lack - lack // 2) for lack in lacking]
    return np.pad(array[crop], widths, mode=padding)  # type: ignore[call-overload, no-any-return]


def _normalise(image: NDArray[np.generic]) -> NDArray[np.float32]:
    values = image.astype(np.float64)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return values.astype(np.float32)
    low, high = np.percentile(finite, (LOW_PERCENTILE, HIGH_PERCENTILE))
    scale = 2 / (high - low) if high > low else 0.0
    with np.errstate(invalid="ignore"):
        scaled: NDArray[np.float32] = np.clip((values - low) * scale - 1, -1, 1).astype(np.float32)
    return scaled
