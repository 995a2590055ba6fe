from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medgan.report import filled_slice_figure, restoration_figure
from medgan.report.canvas import HATCH, MADE

SPACING = (1.0, 1.0, 3.0)


def scan(axis: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A bright ball with two slices gone, the same with them filled, and which they are."""
    i, j, k = np.mgrid[:40, :36, :12]
    after = (np.hypot(np.hypot(i - 20, j - 18), 3 * (k - 6)) < 15).astype(np.float32) * 900 + 50
    after = np.moveaxis(after, 2, axis)
    made = np.isin(np.arange(12), [5, 6])
    before = after.copy()
    np.moveaxis(before, axis, 0)[made] = np.nan
    return before, after, made


def count(path: Path, colour: tuple[int, int, int]) -> int:
    with Image.open(path) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    return int((np.abs(pixels.astype(int) - colour).max(axis=-1) <= 3).sum())


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "PIR", ""])
def test_before_is_hatched_and_after_is_marked(tmp_path: Path, axis: int, orientation: str) -> None:
    before, after, made = scan(axis)
    spacing = tuple(np.roll([3.0, 1.0, 1.0], axis))
    whole = np.zeros_like(made)
    nothing = restoration_figure(
        after, after, whole, axis, spacing, tmp_path / "nothing.png", orientation=orientation
    )
    path = restoration_figure(
        before, after, made, axis, spacing, tmp_path / "planes.png", orientation=orientation
    )
    assert count(path, HATCH) > count(nothing, HATCH) + 500
    assert count(path, MADE) > count(nothing, MADE) + 200


def test_the_caption_names_the_filled_positions(tmp_path: Path) -> None:
    before, after, made = scan()
    path = restoration_figure(before, after, made, 2, SPACING, tmp_path / "planes.png")
    with Image.open(path) as opened:
        assert "positions 5-6" in opened.info["Description"]
        assert "cut at position 6" in opened.info["Description"]


def test_the_same_scan_gives_the_same_bytes(tmp_path: Path) -> None:
    before, after, made = scan()
    first = restoration_figure(before, after, made, 2, SPACING, tmp_path / "a.png")
    second = restoration_figure(before, after, made, 2, SPACING, tmp_path / "b.png")
    assert first.read_bytes() == second.read_bytes()


def test_arguments_are_left_as_they_were(tmp_path: Path) -> None:
    before, after, made = scan()
    copies = before.copy(), after.copy(), made.copy()
    restoration_figure(before, after, made, 2, SPACING, tmp_path / "a.png", orientation="RAS")
    for now, then in zip((before, after, made), copies, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_filled_slice_stands_between_its_measured_neighbours(tmp_path: Path) -> None:
    _, after, made = scan()
    path = filled_slice_figure(after, made, 5, 2, SPACING, tmp_path / "a.png")
    with Image.open(path) as opened:
        assert opened.width > opened.height
        assert "position 5" in opened.info["Description"]


def test_a_slice_at_the_end_has_one_neighbour(tmp_path: Path) -> None:
    _, after, _ = scan()
    last = np.arange(12) == 11
    path = filled_slice_figure(after, last, 11, 2, SPACING, tmp_path / "a.png")
    inner = filled_slice_figure(after, np.arange(12) == 5, 5, 2, SPACING, tmp_path / "b.png")
    with Image.open(path) as opened, Image.open(inner) as both:
        assert opened.height >= both.height
        assert opened.width < both.width
