"""A restored scan beside its truth."""

from dataclasses import replace

import numpy as np
import pytest

from medgan.errors import DataError
from medgan.interpolation import classical_fillers
from medgan.restoration import RestoreSettings, compare, restore_scan
from medgan.scans import Grid
from tests.restoration.phantom import make_holes, make_scan

FILLERS = classical_fillers()


def test_what_linear_filled_scores_as_linear():
    complete = make_scan()
    (linear,) = [f for f in FILLERS if f.name == "linear"]
    taken = [5, 12, 13]
    holed = make_holes(complete, taken)
    filled, _ = restore_scan(holed, RestoreSettings(model="none"), [linear])
    scores = {s.method: s for s in compare(complete, filled, taken, FILLERS)}
    assert scores["restored"].psnr_db == pytest.approx(scores["linear"].psnr_db, abs=0.05)
    assert scores["restored"].n_slices == 3
    assert scores["nearest"].psnr_db < scores["linear"].psnr_db


def test_the_truth_itself_is_perfect():
    complete = make_scan()
    best = compare(complete, complete, [7], FILLERS)[0]
    assert (best.psnr_db, best.ssim, best.mae) == (100, pytest.approx(1), 0)


def test_other_grids_and_ends_are_refused():
    complete = make_scan()
    moved = replace(complete, grid=Grid(complete.grid.shape, complete.affine + np.eye(4)))
    with pytest.raises(DataError, match="grid"):
        compare(complete, moved, [7], FILLERS)
    with pytest.raises(DataError, match="no filled slice"):
        compare(complete, complete, [0], FILLERS)
