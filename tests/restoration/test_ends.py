"""Slices beyond the ends: only on request, exact where nothing changes, honest where it does."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from medgan.errors import RestoreError, UsageError
from medgan.evaluation.fidelity import psnr
from medgan.record import ScanRecord
from medgan.restoration import RestoreSettings, load_fillers, restore_scan
from medgan.restoration.ends import end_gaps
from medgan.restoration.intervals import Tails, prediction_interval
from tests.restoration.phantom import make_holes, make_scan

COVERS = ("intervals", "describe")


def restored(scan, **settings):
    chosen = RestoreSettings(model="none", **settings)
    return restore_scan(scan, chosen, load_fillers(chosen))


def test_ends_are_runs_with_slices_on_one_side_only():
    present = np.array([0, 0, 1, 0, 1, 1, 0], bool)
    assert [(g.first, g.length) for g in end_gaps(present)] == [(0, 2), (6, 1)]
    assert end_gaps(np.zeros(4, bool)) == ()
    assert end_gaps(np.ones(4, bool)) == ()


@pytest.mark.parametrize("axis", [0, 2])
def test_ends_are_filled_on_request_and_labelled(axis):
    complete = make_scan(axis=axis)
    gone = [0, 1, 12, 23]
    out, record = restored(make_holes(complete, gone), fill_ends=True)
    assert out.present.all()
    np.testing.assert_array_equal(np.flatnonzero(out.synthetic), gone)
    for position in set(range(24)) - set(gone):
        assert out.slice_bytes(position) == complete.slice_bytes(position)
    assert [(f.position, f.extrapolated) for f in record.filled] == [
        (0, True),
        (1, True),
        (12, False),
        (23, True),
    ]
    assert any("[0, 1, 23]" in note and "extrapolated" in note for note in record.notes)
    assert {(c.task, c.gap_length) for c in record.candidates} == {
        ("gap", 1),
        ("end", 1),
        ("end", 2),
    }
    assert ScanRecord.from_json(record.as_json()) == record
    width = float(np.ptp(np.percentile(complete.values, [0.5, 99.5])))
    made, true = (np.moveaxis(s.values, axis, 0) for s in (out, complete))
    for slice_ in record.filled:
        p = slice_.position
        figure = psnr(made[p], true[p], width)
        assert figure > 15
        assert slice_.psnr_db.low - 3 < figure < slice_.psnr_db.high + 3


def test_a_stack_that_does_not_change_is_continued_exactly():
    scan = make_scan()
    flat = replace(scan, stored=np.repeat(scan.stored[..., 9:10], 24, axis=2))
    out, record = restored(make_holes(flat, [0, 22, 23]), fill_ends=True)
    np.testing.assert_array_equal(out.stored, flat.stored)
    assert {f.psnr_db.value for f in record.filled} == {100.0}


def test_only_ends_missing_uses_no_network_and_says_so():
    out, record = restored(make_holes(make_scan(), [23]), fill_ends=True)
    assert record.status == "restored"
    assert record.model == {}
    assert {c.name for c in record.candidates} == {"mixture", "repeat", "blur", "damped_trend"}
    mixture, *singles = record.candidates
    assert sum(c.weight for c in singles) == pytest.approx(1)
    assert mixture.psnr_db >= next(c.psnr_db for c in singles if c.name == "repeat") - 1e-6
    assert out.synthetic.sum() == 1


def test_slices_that_are_there_can_be_filled_over_at_an_end():
    complete = make_scan()
    out, record = restored(complete, fill_ends=True, missing=(0, 1))
    assert [(f.position, f.overwritten) for f in record.filled] == [(0, True), (1, True)]
    blind, _ = restored(make_holes(complete, [0, 1]), fill_ends=True)
    np.testing.assert_array_equal(out.stored, blind.stored)
    with pytest.raises(UsageError, match="at the ends"):
        restored(complete, missing=(0, 1))


def test_ends_longer_than_what_can_be_hidden_are_refused_unless_forced():
    scan = make_holes(make_scan(10), range(6, 10))
    with pytest.raises(RestoreError, match="beyond an end") as caught:
        restored(scan, fill_ends=True)
    assert "--force (restore.force=true)" in caught.value.hint
    out, record = restored(scan, fill_ends=True, force=True)
    assert out.present.all()
    assert {f.grade for f in record.filled} == {"unknown"}
    assert any("unknown" in note for note in record.notes)


def test_tails_are_laid_round_the_mean_and_capped():
    tails = Tails(1.0, -2.0, 4.0)
    found = tails.interval([19.0, 20.0, 21.0], 22.0)
    assert (found.value, found.low, found.high) == (21.0, 18.0, 22.0)
    assert tails.interval([20.0, 20.0], 100.0) is None


def test_the_interval_holds_nine_of_ten_new_figures():
    draws = np.random.default_rng(0).normal(20, 3, (4000, 7))
    found = [prediction_interval(list(row[:6]), 100) for row in draws]
    inside = np.mean([f.low <= new <= f.high for f, new in zip(found, draws[:, 6], strict=True)])
    assert inside == pytest.approx(0.9, abs=0.02)
    assert prediction_interval([1.0, 2.0], 100) is None
    many = prediction_interval(list(norm.ppf(np.linspace(0.001, 0.999, 999), 20, 3)), 100)
    assert many.high == pytest.approx(norm.ppf(0.95, 20, 3), abs=0.1)
    assert prediction_interval([99.0, 100.0, 100.0], 100).high == 100
