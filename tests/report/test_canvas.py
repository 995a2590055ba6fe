from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medgan.errors import WriteError
from medgan.record import DISCLAIMER
from medgan.report.canvas import (
    HATCH,
    MADE,
    PAPER,
    RIM,
    heat_tones,
    paint_view,
    save_picture,
    sheet,
)
from medgan.report.planes import Volume, cut


def volume(missing: list[int], made: list[int]) -> Volume:
    values = np.full((20, 16, 10), 0.5)
    values[..., missing] = np.nan
    synthetic = np.isin(np.arange(10), made)
    return Volume.of(values, synthetic, 2, (1.0, 1.0, 3.0), "")


def is_colour(picture: Image.Image, colour: tuple[int, int, int]) -> np.ndarray:
    return (np.asarray(picture) == np.array(colour)).all(axis=-1)


def test_filled_slices_are_marked_on_both_sides_at_their_rows_and_nowhere_else() -> None:
    picture = paint_view(cut(volume([], [2, 3, 7]), 0, 5), (0, 1), scale=2.0)
    # A slice is 3 mm thick: 6 pixels at 2 pixels a millimetre.
    expected = np.zeros(60, np.bool_)
    expected[12:24] = expected[42:48] = True
    marks = is_colour(picture, MADE)[RIM:-RIM]
    assert np.array_equal(marks[:, :RIM].any(axis=1), expected)
    assert np.array_equal(marks[:, -RIM:].any(axis=1), expected)
    assert not marks[:, RIM:-RIM].any(), "a mark covers filled voxels"


def test_slices_that_run_as_columns_are_marked_above_and_below() -> None:
    values = np.full((10, 20, 16), 0.5)
    made = np.arange(10) == 4
    view = cut(Volume.of(values, made, 0, (3.0, 1.0, 1.0), ""), 2, 5)
    marks = is_colour(paint_view(view, (0, 1), scale=2.0), MADE)
    expected = np.zeros(60, np.bool_)
    expected[24:30] = True
    assert view.slices_run == 1
    assert np.array_equal(marks[:RIM, RIM:-RIM].any(axis=0), expected)
    assert np.array_equal(marks[-RIM:, RIM:-RIM].any(axis=0), expected)


def test_a_gap_is_hatched_at_its_rows_only() -> None:
    picture = paint_view(cut(volume([2, 3], []), 0, 5), (0, 1), scale=2.0)
    hatched = is_colour(picture, HATCH)[RIM:-RIM, RIM:-RIM]
    assert hatched[12:24].any(axis=1).all()
    assert not hatched[:12].any()
    assert not hatched[24:].any()
    # The slices beside a gap keep their grey: no black bleeds in from where nothing is.
    beside = np.asarray(picture)[RIM:-RIM, RIM:-RIM][np.r_[0:12, 24:60]]
    assert np.unique(beside).tolist() == [128]


def test_a_missing_slice_itself_is_hatched_all_over_and_a_made_one_is_framed() -> None:
    gone = paint_view(cut(volume([2], []), 2, 2), (0, 1), scale=2.0)
    inside = np.asarray(gone)[RIM:-RIM, RIM:-RIM].reshape(-1, 3)
    assert {tuple(int(c) for c in colour) for colour in np.unique(inside, axis=0)} == {HATCH, PAPER}
    made = is_colour(paint_view(cut(volume([], [2]), 2, 2), (0, 1), scale=2.0), MADE)
    assert made[:RIM].any()
    assert made[-RIM:].any()
    assert not made[RIM:-RIM, RIM:-RIM].any()


def test_a_single_slice_in_a_tall_stack_still_gets_a_mark() -> None:
    values = np.full((4, 4, 900), 0.5)
    view = cut(Volume.of(values, np.arange(900) == 450, 2, (1.0, 1.0, 1.0), ""), 0, 1)
    marks = is_colour(paint_view(view, (0, 1), scale=0.4), MADE)
    assert marks.any()


def test_views_are_true_to_millimetres() -> None:
    view = cut(volume([], []), 0, 5)
    picture = paint_view(view, (0, 1), scale=2.0)
    assert picture.size == (16 * 2 + 2 * RIM, 30 * 2 + 2 * RIM)


def test_heat_runs_from_paper_over_the_marking_colour_to_white() -> None:
    tones = heat_tones()
    assert tuple(tones[0]) == PAPER
    assert tuple(tones[255]) == (255, 255, 255)
    assert np.abs(tones[127].astype(int) - MADE).max() <= 2


def test_a_png_says_what_it_is(tmp_path: Path) -> None:
    path = save_picture(sheet(20, 10), tmp_path / "deep" / "a.png", "Three planes.")
    with Image.open(path) as opened:
        assert opened.info["Description"] == "Three planes."
        assert opened.info["Disclaimer"] == DISCLAIMER
        assert opened.size == (20, 10)


def test_a_picture_that_cannot_be_written_is_a_write_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WriteError):
        save_picture(sheet(4, 4), tmp_path / "file" / "a.png", "")
