"""Samples as one grey picture: a collapse shows here before it shows in a figure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from medgan.data.signed_distance import decode

MARGIN = 2


def compose(rows: Sequence[NDArray[np.floating]]) -> NDArray[np.uint8]:
    """Lay out rows of samples, each row of scans with a row of its labels below.

    Parameters
    ----------
    rows
        (n, C, *S) each, in -1..1, RAS order; volumes are shown by their middle axial slice,
        anterior up.
    """
    pictures = []
    for row in rows:
        flat = row[..., row.shape[-1] // 2] if row.ndim == 5 else row
        pictures.append(_strip([_grey(sample[0]) for sample in flat]))
        if flat.shape[1] > 1:
            pictures.append(_strip([_label_grey(sample[1:]) for sample in flat]))
    width = max(picture.shape[1] for picture in pictures)
    return np.concatenate(
        [np.pad(p, ((0, MARGIN), (0, width - p.shape[1]))) for p in pictures], axis=0
    )


def _strip(tiles: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    return np.concatenate([np.pad(tile, ((0, 0), (0, MARGIN))) for tile in tiles], axis=1)


def _grey(plane: NDArray[np.floating]) -> NDArray[np.uint8]:
    return _upright(np.rint((np.clip(plane, -1, 1) + 1) * 127.5).astype(np.uint8))


def _label_grey(channels: NDArray[np.floating]) -> NDArray[np.uint8]:
    values = range(1, len(channels) + 1)
    return _upright((decode(channels, values) * (255 // len(channels))).astype(np.uint8))


def _upright(plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(R, A) to rows from anterior to posterior."""
    return np.flipud(plane.T)
