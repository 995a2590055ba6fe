"""The picture holds what it is told: five panels, the grey of the slice, its title as caption."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from medgan.record import DISCLAIMER
from medgan.report import suspect_figure


def test_five_panels_with_a_caption(tmp_path: Path) -> None:
    measured = {f"position {p}": np.full((30, 20), 100.0 * p) for p in (1, 2, 3)}
    wrong = np.zeros((30, 20))
    wrong[:15] = 50
    path = suspect_figure(
        measured,
        np.full((30, 20), 200.0),
        wrong,
        2,
        (1.0, 1.0, 3.0),
        tmp_path / "a" / "x.png",
        title="Position 2: shifted",
        orientation="RAS",
    )
    with Image.open(path) as picture:
        assert picture.info["Description"] == "Position 2: shifted"
        assert picture.info["Disclaimer"] == DISCLAIMER
        grey = np.asarray(picture.convert("L")).astype(int)
    assert grey.shape[1] > 5 * 140
    middle = grey[grey.shape[0] // 2]
    # From left to right: black, mid grey, white, mid grey again.
    assert (middle > 240).sum() > 100
    assert ((middle > 110) & (middle < 145)).sum() > 200


def test_slices_that_are_alike_are_drawn_all_the_same(tmp_path: Path) -> None:
    flat = {f"position {p}": np.zeros((8, 8)) for p in (0, 1, 2)}
    path = suspect_figure(
        flat, np.zeros((8, 8)), np.zeros((8, 8)), 0, (1.0, 1.0, 1.0), tmp_path / "x.png", title="x"
    )
    assert path.is_file()
