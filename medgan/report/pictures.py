"""Pictures of what was filled: before and after, between its neighbours, beside the truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from medgan.report.planes import (
    Values,
    View,
    Volume,
    centre_of_content,
    cut,
    grey_window,
    three_views,
    upright,
)
from medgan.scans import positions_in_words, runs

WIDTH, PANEL_HEIGHT = 1120, 400
"""Largest width of a picture, and largest height of a view in it, in pixels."""
MAX_ZOOM = 8.0
"""Pixels of the picture per smallest voxel step; more shows nothing new."""
GAP = 14
SMALL = 12

Panel = tuple[Image.Image, str]


def restoration_figure(
    values_before: Values,
    values_after: Values,
    synthetic: NDArray[np.bool_],
    axis: int,
    spacing_mm: tuple[float, float, float],
    path: Path,
    *,
    orientation: str = "",
    modality: str = "",
    position: int | None = None,
    said: tuple[str, str] | None = None,
) -> Path:
    """Draw three planes before and after restoration, true to millimetres.

    Gaps are hatched; filled slices are bracketed on both sides of the planes across them.

    Parameters
    ----------
    values_before, values_after
        `(i, j, k)` physical values; NaN where there is no slice.
    synthetic
        (n,) bool along `axis`: slices that are filled in `values_after`.
    orientation
        Where the voxel axes point, e.g. `LPS`. Without it the planes are not turned upright.
    modality
        `ct` leaves air out of the grey window.
    position
        Slice shown in the plane of acquisition; None takes the middle of the longest filled run.
    said
        Titles of the two rows, where what was made is not whole slices between others.
    """
    if position is None:
        position = _shown_position(synthetic)
    nothing = np.zeros_like(synthetic)
    before = Volume.of(values_before, nothing, axis, spacing_mm, orientation)
    after = Volume.of(values_after, synthetic, axis, spacing_mm, orientation)
    shown = _upright_position(before, position)
    before, after = upright(before), upright(after)
    centre = centre_of_content(before, shown)
    window = grey_window(before.values, modality)
    rows = (three_views(before, centre), three_views(after, centre))
    n_filled = int(synthetic.sum())
    titles = said or (
        "Before: as it came. Hatched: no slice.",
        f"After: {n_filled} {'slice' if n_filled == 1 else 'slices'} filled, between orange marks.",
    )
    scale = _scale(rows[0], len(rows[0]))
    strips = [
        _strip(
            _arranged([(paint_view(v, window, scale), _caption(v, position)) for v in views]), title
        )
        for views, title in zip(rows, titles, strict=True)
    ]
    caption = f"Three planes before and after restoration, cut at position {position}. " + (
        " ".join(said)
        if said
        else f"Hatched: no slice. Orange marks: filled slices ({_filled_in_words(synthetic)}), "
        "made by a program."
    )
    return save_picture(_page(strips), path, caption)


def filled_slice_figure(
    values: Values,
    synthetic: NDArray[np.bool_],
    position: int,
    axis: int,
    spacing_mm: tuple[float, float, float],
    path: Path,
    *,
    orientation: str = "",
    modality: str = "",
) -> Path:
    """Draw one filled slice between the nearest measured slices on both sides.

    Parameters
    ----------
    values
        `(i, j, k)` physical values after restoration.
    synthetic
        (n,) bool along `axis`.
    position
        The filled slice.
    """
    volume = Volume.of(values, synthetic, axis, spacing_mm, orientation)
    measured = np.flatnonzero(volume.present & ~synthetic)
    window = grey_window(values, modality, among=(axis, measured))
    below, above = _measured_neighbours(volume, position)
    views = [(_slice_view(volume, p), p) for p in (below, position, above) if p is not None]
    scale = _scale([view for view, _ in views], len(views))
    panels = [
        (
            paint_view(view, window, scale),
            f"position {p}: {'filled' if p == position else 'measured'}",
        )
        for view, p in views
    ]
    caption = f"Filled slice at position {position} between its nearest measured slices."
    return save_picture(_page([_strip(panels, "")]), path, caption)


def hidden_slice_figure(
    true: NDArray[np.floating],
    filled: Mapping[str, NDArray[np.floating]],
    axis: int,
    spacing_mm: tuple[float, float, float],
    path: Path,
    *,
    caption: str,
    orientation: str = "",
    modality: str = "",
) -> Path:
    """Draw a slice that was hidden beside what methods made of it, and where they are wrong.

    Parameters
    ----------
    true
        `(a, b)` as measured: the two voxel axes beside `axis`, in order.
    filled
        Name to `(a, b)` estimate, a row each: truth, estimate, and absolute error on one scale
        for all rows.
    """

    def view(plane: NDArray[np.floating], *, is_made: bool = False) -> View:
        slab = np.expand_dims(plane, axis)
        made = np.array([is_made])
        raised = upright(Volume.of(slab, made, axis, spacing_mm, orientation))
        return cut(raised, raised.axis, 0)

    window = grey_window(true, modality)
    errors = {name: np.abs(plane - true) for name, plane in filled.items()}
    high = max(float(np.percentile(error, 99.5)) for error in errors.values())
    high = max(high, float(np.finfo(np.float32).tiny))
    truth = view(true)
    scale = _scale([truth], 3)
    strips = []
    for name, plane in filled.items():
        wrong = replace(view(errors[name]), letters=("", "", "", ""))
        panels = [
            (paint_view(truth, window, scale), "measured, hidden for the trial"),
            (paint_view(view(plane, is_made=True), window, scale), name),
            (paint_view(wrong, (0.0, high), scale, heat_tones()), f"error, white: {high:.3g}"),
        ]
        strips.append(_strip(panels, ""))
    return save_picture(_page(strips), path, caption)


def _shown_position(synthetic: NDArray[np.bool_]) -> int:
    """Middle of the longest filled run, or of the stack where nothing is filled."""
    filled = runs(synthetic)
    if not filled:
        return int(synthetic.size // 2)
    longest = max(filled, key=lambda run: (run.length, -run.first))
    return longest.first + longest.length // 2


def _upright_position(volume: Volume, position: int) -> int:
    """Where a position along the slice axis comes to lie once the volume is upright."""
    here = np.arange(volume.synthetic.size) == position
    return int(np.flatnonzero(upright(replace(volume, synthetic=here)).synthetic)[0])


def _slice_view(volume: Volume, position: int) -> View:
    raised = upright(volume)
    return cut(raised, raised.axis, _upright_position(volume, position))


def _measured_neighbours(volume: Volume, position: int) -> tuple[int | None, int | None]:
    measured = np.flatnonzero(volume.present & ~volume.synthetic)
    below, above = measured[measured < position], measured[measured > position]
    return (int(below[-1]) if below.size else None, int(above[0]) if above.size else None)


def _scale(views: Sequence[View], n_panels: int) -> float:
    """Pixels per millimetre at which so many panels, as wide as these on average, fit."""
    room = WIDTH - 2 * GAP - n_panels * 2 * RIM - (n_panels - 1) * GAP
    wide = sum(view.plane.shape[1] * view.pixel_mm[1] for view in views) / len(views)
    high = max(view.plane.shape[0] * view.pixel_mm[0] for view in views)
    finest = min(min(view.pixel_mm) for view in views)
    return float(min(room / (wide * n_panels), PANEL_HEIGHT / high, MAX_ZOOM / finest))


def _caption(view: View, position: int) -> str:
    return f"{view.name}, position {position}" if view.slices_run is None else view.name


def _arranged(panels: Sequence[Panel]) -> Sequence[Panel]:
    """Planes across a thin slab are low: put them below each other where they fit that way."""
    first, *across = panels
    pile = [_strip([panel], "") for panel in across]
    height = sum(strip.height for strip in pile)
    if height > first[0].height + text_height(SMALL):
        return panels
    column = sheet(max(strip.width for strip in pile), height)
    y = 0
    for strip in pile:
        column.paste(strip, (0, y))
        y += strip.height
    return [first, (column, "")]


def _strip(panels: Sequence[Panel], title: str) -> Image.Image:
    """Panels side by side, each with a line below it, and a title above all."""
    top = text_height(15) if title else 0
    line = text_height(SMALL)
    widths = [max(p.width, RIM + text_width(label, SMALL)) for p, label in panels]
    needed = max(sum(widths) + GAP * (len(panels) - 1), text_width(title, 15) + RIM)
    strip = sheet(needed, top + max(p.height for p, _ in panels) + line)
    write_text(strip, (RIM, 0), title, 15)
    x = 0
    for (panel, label), width in zip(panels, widths, strict=True):
        strip.paste(panel, (x, top))
        write_text(strip, (x + RIM, top + panel.height - 2), label, SMALL, FAINT)
        x += width + GAP
    return strip


def _page(strips: Sequence[Image.Image]) -> Image.Image:
    """Put strips below each other on one sheet, with the disclaimer at the foot."""
    foot = text_height(SMALL)
    width = max(max(s.width for s in strips), text_width(DISCLAIMER, SMALL) + RIM) + 2 * GAP
    page = sheet(width, sum(s.height + GAP for s in strips) + GAP + foot)
    y = GAP
    for strip in strips:
        page.paste(strip, (GAP, y))
        y += strip.height + GAP
    write_text(page, (GAP + RIM, y - 4), DISCLAIMER, SMALL, MADE)
    return page


def _filled_in_words(synthetic: NDArray[np.bool_]) -> str:
    positions = [int(position) for position in np.flatnonzero(synthetic)]
    return f"positions {positions_in_words(positions)}" if positions else "none"
