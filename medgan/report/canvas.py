"""Paint: views become pixels, filled slices get marks, gaps get hatching, a PNG gets its caption.

Drawn with Pillow at the pixel, so that the same input gives the same bytes and a picture costs
milliseconds, not seconds, for each of thousands of scans.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from medgan.record import DISCLAIMER
from medgan.report.planes import View, grey
from medgan.scans import runs
from medgan.scans.atomic import write_bytes

MADE = (255, 149, 43)
"""Colour of what a program made. Orange stays apart from grey for every kind of colour vision."""
PAPER = (13, 15, 18)
INK = (226, 230, 235)
FAINT = (138, 146, 156)
RIM = 10
"""Pixels around a view, where brackets are drawn."""
HATCH = (150, 91, 34)
HATCH_PERIOD, HATCH_WIDTH = 10, 2
LETTER_ROOM = 100
"""Pixels an edge must be long for letters to stand between its ends without covering the view."""

Box = tuple[int, int, int, int]
Colour = tuple[int, int, int]


def text_height(size: int) -> int:
    """Height of one line of text, with air."""
    return size + 8


def write_text(
    picture: Image.Image, at: tuple[int, int], text: str, size: int = 14, ink: Colour = INK
) -> None:
    """Write one line with its upper left corner at a point."""
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(at, text, font=font, fill=ink)


def text_width(text: str, size: int = 14) -> int:
    """Width of a line in pixels."""
    return int(np.ceil(ImageFont.load_default(size).getlength(text)))


def sheet(width: int, height: int) -> Image.Image:
    """Return an empty dark sheet."""
    return Image.new("RGB", (width, height), PAPER)


def view_size(view: View, scale: float) -> tuple[int, int]:
    """Width and height of a painted view without its rim, true to millimetres.

    Parameters
    ----------
    scale
        Pixels of the picture per millimetre.
    """
    rows, columns = view.plane.shape
    width, height = columns * view.pixel_mm[1] * scale, rows * view.pixel_mm[0] * scale
    return max(1, round(width)), max(1, round(height))


def paint_view(
    view: View, window: tuple[float, float], scale: float, tones: NDArray[np.uint8] | None = None
) -> Image.Image:
    """Paint one view with its rim: greys, hatched gaps, bracketed filled slices, edge letters.

    Parameters
    ----------
    window
        Black and white point.
    scale
        Pixels of the picture per millimetre.
    tones
        (256, 3) colours in place of greys, e.g. `heat_tones()`.
    """
    size = view_size(view, scale)
    levels = Image.fromarray(grey(_without_holes(view), window))
    levels = levels.resize(size, Image.Resampling.BICUBIC)
    colours = Image.fromarray(tones[np.asarray(levels)]) if tones is not None else levels
    picture = sheet(size[0] + 2 * RIM, size[1] + 2 * RIM)
    picture.paste(colours.convert("RGB"), (RIM, RIM))
    for gap in runs(view.missing):
        _hatch(picture, _run_box(view, size, gap.first, gap.length))
    for made in runs(view.synthetic):
        _bracket(picture, _run_box(view, size, made.first, made.length), view.slices_run)
    _letter(picture, view, size)
    return picture


def heat_tones() -> NDArray[np.uint8]:
    """(256, 3) colours from the paper over the marking colour to white, for errors."""
    stops = np.array([PAPER, MADE, (255, 255, 255)], dtype=np.float64)
    levels = np.linspace(0, 2, 256)
    tones = [np.interp(levels, [0, 1, 2], stops[:, channel]) for channel in range(3)]
    return np.rint(np.stack(tones, axis=1)).astype(np.uint8)


def _without_holes(view: View) -> NDArray[np.floating]:
    """Nearest slice in place of a missing one, so that resizing smears no black into the rest."""
    if view.slices_run is None or view.missing.all() or not view.missing.any():
        return view.plane
    there = np.flatnonzero(~view.missing)
    nearest = there[np.abs(np.arange(view.missing.size)[:, None] - there).argmin(axis=1)]
    filled: NDArray[np.floating] = view.plane.take(nearest, axis=view.slices_run)
    return filled


def _run_box(view: View, size: tuple[int, int], first: int, length: int) -> Box:
    """Pixels (left, top, right, bottom; the last two excluded) of a run of slices."""
    width, height = size
    left, top, right, bottom = 0, 0, width, height
    n = view.missing.size
    if view.slices_run == 0:
        top, bottom = _extent(first, length, n, height)
    if view.slices_run == 1:
        left, right = _extent(first, length, n, width)
    return left + RIM, top + RIM, right + RIM, bottom + RIM


def _extent(first: int, length: int, n: int, pixels: int) -> tuple[int, int]:
    start, stop = round(first * pixels / n), round((first + length) * pixels / n)
    return min(start, pixels - 1), max(stop, start + 1)


def _hatch(picture: Image.Image, box: Box) -> None:
    left, top, right, bottom = box
    rows, columns = np.mgrid[top:bottom, left:right]
    lines = (rows + columns) % HATCH_PERIOD < HATCH_WIDTH
    pixels = np.where(lines[..., None], HATCH, PAPER).astype(np.uint8)
    picture.paste(Image.fromarray(pixels), (left, top))


def _bracket(picture: Image.Image, box: Box, slices_run: int | None) -> None:
    """Mark a run from outside, so that no filled voxel is covered."""
    left, top, right, bottom = box
    pen = ImageDraw.Draw(picture)
    if slices_run is None:
        pen.rectangle((left - 3, top - 3, right + 2, bottom + 2), outline=MADE, width=2)
    elif slices_run == 0:
        pen.rectangle((left - 7, top, left - 4, bottom - 1), fill=MADE)
        pen.rectangle((right + 3, top, right + 6, bottom - 1), fill=MADE)
    else:
        pen.rectangle((left, top - 7, right - 1, top - 4), fill=MADE)
        pen.rectangle((left, bottom + 3, right - 1, bottom + 6), fill=MADE)


def _letter(picture: Image.Image, view: View, size: tuple[int, int]) -> None:
    """Write patient directions just inside the edges that are long enough for them."""
    width, height = size
    left, right, top, bottom = view.letters
    middle_x, middle_y = RIM + width // 2, RIM + height // 2
    places = (
        (left, (RIM + 4, middle_y), "lm", width),
        (right, (RIM + width - 4, middle_y), "rm", width),
        (top, (middle_x, RIM + 4), "ma", height),
        (bottom, (middle_x, RIM + height - 4), "md", height),
    )
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    for letter, at, anchor, room in places:
        if room >= LETTER_ROOM:
            pen.text(
                at, letter, font=font, fill=INK, anchor=anchor, stroke_width=2, stroke_fill=PAPER
            )


def save_picture(picture: Image.Image, path: Path, caption: str) -> Path:
    """Write a PNG that carries its own caption.

    256 colours are enough for greys and one marking colour, and halve the file. There is no time
    stamp in it.

    Parameters
    ----------
    caption
        What is to be seen; stored in the PNG text chunk `Description`, read by the report.

    Raises
    ------
    WriteError
        If the file cannot be written.
    """
    facts = PngInfo()
    facts.add_text("Description", caption)
    facts.add_text("Disclaimer", DISCLAIMER)
    facts.add_text("Software", "medgan")
    buffer = io.BytesIO()
    reduced = picture.quantize(
        colors=256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    reduced.save(buffer, format="PNG", optimize=True, pnginfo=facts)
    write_bytes(path, buffer.getvalue())
    return path
