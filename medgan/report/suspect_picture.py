"""A slice that does not fit: between its neighbours, beside what they make one expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from medgan.record import DISCLAIMER
from medgan.report.canvas import (
    FAINT,
    MADE,
    RIM,
    heat_tones,
    paint_view,
    save_picture,
    sheet,
    text_height,
    text_width,
    write_text,
)
from medgan.report.planes import View, Volume, cut, grey_window, upright

PANEL_PX = 210
"""Longest side of a panel, in pixels."""
GAP = 14
SMALL, HEAD = 12, 15

Panel = tuple[Image.Image, str]
Plane = NDArray[np.floating]


def suspect_figure(
    measured: Mapping[str, Plane],
    expected: Plane,
    wrong: Plane,
    axis: int,
    spacing_mm: tuple[float, float, float],
    path: Path,
    *,
    title: str,
    orientation: str = "",
    modality: str = "",
) -> Path:
    """Draw measured slices, what one of them was expected to be, and the difference, in one row.

    Parameters
    ----------
    measured
        Label to `(a, b)` values, the two voxel axes beside `axis` in order: the slice between its
        neighbours.
    expected, wrong
        `(a, b)`: the prediction, and its absolute difference from the slice.
    title
        What is said of the slice; also the caption within the PNG.
    """

    def view(plane: Plane, *, is_made: bool = False) -> View:
        made = np.array([is_made])
        slab = Volume.of(np.expand_dims(plane, axis), made, axis, spacing_mm, orientation)
        raised = upright(slab)
        return cut(raised, raised.axis, 0)

    views = {label: view(plane) for label, plane in measured.items()}
    first = next(iter(views.values()))
    sides = [n * mm for n, mm in zip(first.plane.shape, first.pixel_mm, strict=True)]
    scale = PANEL_PX / max(sides)
    window = grey_window(np.concatenate([np.ravel(p) for p in measured.values()]), modality)
    high = max(float(np.percentile(wrong, 99.5)), float(np.finfo(np.float32).tiny))
    error = replace(view(wrong), letters=("", "", "", ""))
    panels = [
        *((paint_view(v, window, scale), label) for label, v in views.items()),
        (paint_view(view(expected, is_made=True), window, scale), "expected"),
        (paint_view(error, (0.0, high), scale, heat_tones()), f"difference, white: {high:.3g}"),
    ]
    return save_picture(_row(panels, title), path, title)


def _row(panels: list[Panel], title: str) -> Image.Image:
    """Panels side by side, a line below each, the title above and the disclaimer at the foot."""
    widths = [max(p.width, RIM + text_width(label, SMALL)) for p, label in panels]
    head, line = text_height(HEAD), text_height(SMALL)
    tallest = max(panel.height for panel, _ in panels)
    width = max(sum(widths) + GAP * (len(panels) - 1), text_width(title, HEAD))
    page = sheet(width + 2 * GAP, head + tallest + 2 * line + 2 * GAP)
    write_text(page, (GAP + RIM, GAP), title, HEAD)
    x = GAP
    for (panel, label), room in zip(panels, widths, strict=True):
        page.paste(panel, (x, GAP + head))
        write_text(page, (x + RIM, GAP + head + tallest - 2), label, SMALL, FAINT)
        x += room + GAP
    write_text(page, (GAP + RIM, page.height - line), DISCLAIMER, SMALL, MADE)
    return page
