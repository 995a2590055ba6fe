"""Many slices on one sheet: samples of a model, and real ones beside virtual ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from medgan.record import DISCLAIMER
from medgan.report.canvas import (
    FAINT,
    INK,
    MADE,
    PAPER,
    save_picture,
    sheet,
    text_height,
    text_width,
    write_text,
)
from medgan.report.planes import grey, grey_window

TILE = 128
"""Pixels along the longer side of a tile."""
MARGIN = 6
OUTLINES = ((86, 180, 233), (240, 228, 66), (0, 158, 115), (204, 121, 167), (213, 94, 0))
"""Label colours that most kinds of colour vision tell apart (Okabe and Ito 2008)."""

Planes = Sequence[NDArray[np.floating]]
Labels = Sequence[NDArray[np.integer]]


def real_beside_virtual(
    real: Planes,
    fake: Planes,
    path: Path,
    *,
    real_labels: Labels | None = None,
    fake_labels: Labels | None = None,
    columns: int = 4,
    caption: str = "Real slices on the left, virtual ones (made by a program) on the right.",
) -> Path:
    """Write real slices on the left and virtual ones on the right, in one grey window.

    Parameters are those of `montage`; the virtual block has a frame in the marking colour.
    """
    # One window, taken from the real slices: a virtual set that is too dark must look too dark.
    window = _common_window(real)
    blocks = (
        _grid(_tiles(real, real_labels, window), columns),
        _grid(_tiles(fake, fake_labels, window), columns),
    )
    titles = (("Real", INK), ("Virtual: made by a program", MADE))
    head, foot = text_height(15), text_height(12)
    widths = [
        max(block.width, text_width(title, 15))
        for block, (title, _) in zip(blocks, titles, strict=True)
    ]
    height = max(block.height for block in blocks)
    page = sheet(sum(widths) + 8 * MARGIN, head + height + 4 * MARGIN + foot)
    x = 2 * MARGIN
    for block, (title, ink), width in zip(blocks, titles, widths, strict=True):
        write_text(page, (x, MARGIN), title, 15, ink)
        page.paste(block, (x, head + 2 * MARGIN))
        frame = (
            x - 3,
            head + 2 * MARGIN - 3,
            x + block.width + 2,
            head + 2 * MARGIN + block.height + 2,
        )
        ImageDraw.Draw(page).rectangle(frame, outline=ink if ink == MADE else FAINT, width=2)
        x += width + 4 * MARGIN
    write_text(page, (2 * MARGIN, head + height + 3 * MARGIN), DISCLAIMER, 12, MADE)
    return save_picture(page, path, caption)


def _common_window(images: Planes) -> tuple[float, float]:
    return grey_window(np.concatenate([np.ravel(image) for image in images]))


def _tiles(images: Planes, labels: Labels | None, window: tuple[float, float]) -> list[Image.Image]:
    drawn: Sequence[NDArray[np.integer] | None] = (
        labels if labels is not None else [None] * len(images)
    )
    return [_tile(image, label, window) for image, label in zip(images, drawn, strict=True)]


def _tile(
    image: NDArray[np.floating], label: NDArray[np.integer] | None, window: tuple[float, float]
) -> Image.Image:
    zoom = TILE / max(image.shape)
    size = (max(1, round(image.shape[1] * zoom)), max(1, round(image.shape[0] * zoom)))
    tile = (
        Image.fromarray(grey(image, window)).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    )
    if label is None:
        return tile
    pixels = np.asarray(tile).copy()
    values = np.asarray(
        Image.fromarray(label.astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    )
    for value in np.unique(values[values > 0]):
        pixels[_outline(values == value)] = OUTLINES[(int(value) - 1) % len(OUTLINES)]
    return Image.fromarray(pixels)


def _outline(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels of a region that touch its outside along rows or columns."""
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    edge: NDArray[np.bool_] = inside & ~core
    return edge


def _grid(tiles: Sequence[Image.Image], columns: int) -> Image.Image:
    width = max(tile.width for tile in tiles) + MARGIN
    height = max(tile.height for tile in tiles) + MARGIN
    rows = math.ceil(len(tiles) / columns)
    block = Image.new("RGB", (width * min(columns, len(tiles)), height * rows), PAPER)
    for n, tile in enumerate(tiles):
        block.paste(
            tile, ((n % columns) * width + MARGIN // 2, (n // columns) * height + MARGIN // 2)
        )
    return block
