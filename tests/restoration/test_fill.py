"""Gaps of phantoms filled: right places, right values, nothing measured touched, all of it said."""

from dataclasses import replace

import numpy as np
import pytest

from medgan.errors import RestoreError, UsageError
from medgan.evaluation.fidelity import psnr
from medgan.interpolation import classical_fillers
from medgan.record import ScanRecord
from medgan.restoration import RestoreSettings, load_fillers, restore_scan
from tests.restoration.phantom import make_holes, make_scan

COVERS = ("settings",)

CLASSICAL = RestoreSettings(model="none")


def restored(scan, **settings):
    chosen = RestoreSettings(model="none", **settings)
    return restore_scan(scan, chosen, load_fillers(chosen))


def slices(scan, positions):
    return np.moveaxis(scan.values, scan.axis, 0)[list(positions)]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("taken", [[11], [6, 7, 8], [3, 10, 11, 17], list(range(1, 23, 2))])
def test_filled_slices_are_near_the_truth_and_measured_ones_are_the_same_bytes(axis, taken):
    complete = make_scan(axis=axis)
    holed = make_holes(complete, taken)
    out, record = restored(holed)
    assert out.present.all()
    np.testing.assert_array_equal(np.flatnonzero(out.synthetic), taken)
    for position in np.flatnonzero(holed.present):
        assert out.slice_bytes(position) == complete.slice_bytes(position)
        assert record.measured_hashes[str(position)] == complete.slice_hash(position)
    assert out.stored.dtype == complete.stored.dtype
    assert np.array_equal(out.affine, complete.affine)
    width = float(np.ptp(np.percentile(complete.values, [0.5, 99.5])))
    figure = psnr(slices(out, taken), slices(complete, taken), width)
    linear = next(f for f in classical_fillers() if f.name == "linear")
    base, _ = restore_scan(holed, CLASSICAL, [linear, linear])
    assert figure >= psnr(slices(base, taken), slices(complete, taken), width) - 0.05
    assert figure > 25


def test_the_record_says_what_was_made_and_how():
    scan = make_holes(make_scan(instances=tuple(range(24, 0, -1))), [6, 12, 13])
    out, record = restored(scan)
    assert record.status == "restored"
    assert record.missing == (6, 12, 13)
    assert record.missing_instances == (18, 12, 11)
    assert [(f.position, f.gap_length, f.instance) for f in record.filled] == [
        (6, 1, 18),
        (12, 2, 12),
        (13, 2, 11),
    ]
    assert record.filled[0].world_mm == (19.5, 21.5, 6.0)
    for made in record.filled:
        assert made.grade in {"good", "fair", "poor"}
        assert made.psnr_db.low <= made.psnr_db.value <= made.psnr_db.high
        assert made.ssim.high <= 1
    assert {c.gap_length for c in record.candidates} == {1, 2}
    assert record.n_hidden > 0
    assert record.model == {}
    assert out.id == record.id
    assert ScanRecord.from_json(record.as_json()) == record


def test_a_complete_scan_comes_back_as_it_is():
    scan = make_scan()
    out, record = restored(scan)
    assert out is scan
    assert record.status == "complete"
    assert record.filled == ()


def test_slices_missing_at_the_ends_are_left_alone_and_named():
    scan = make_holes(make_scan(), [0, 1, 12])
    out, record = restored(scan)
    assert out.missing == (0, 1)
    assert [f.position for f in record.filled] == [12]
    assert any("[0, 1]" in note and "left alone" in note for note in record.notes)
    only_ends, record = restored(make_holes(make_scan(), [23]))
    assert only_ends.missing == (23,)
    assert record.status == "complete"
    assert any("left alone" in note for note in record.notes)


def test_filling_over_slices_is_as_if_they_were_never_there():
    complete = make_scan()
    out, record = restored(complete, missing=(8, 9))
    spoilt = complete.stored.copy()
    spoilt[..., 8:10] = 30_000
    blind, _ = restored(replace(complete, stored=spoilt), missing=(8, 9))
    np.testing.assert_array_equal(out.stored, blind.stored)
    assert [f.overwritten for f in record.filled] == [True, True]
    assert any("filled over" in note for note in record.notes)
    assert set(record.measured_hashes) == {str(p) for p in range(24) if p not in (8, 9)}


@pytest.mark.parametrize(
    ("gone", "missing", "words"),
    [([], (24,), "do not exist"), ([], (0,), "at the ends"), ([0], (1,), "at the ends")],
)
def test_positions_that_cannot_be_filled_over_are_refused(gone, missing, words):
    with pytest.raises(UsageError, match=words):
        restored(make_holes(make_scan(), gone), missing=missing)


def test_a_gap_wider_than_what_can_be_tried_out_is_refused_unless_forced():
    scan = make_holes(make_scan(14), range(3, 11))
    with pytest.raises(RestoreError, match="gaps of at most 4") as caught:
        restored(scan)
    assert caught.value.where == "phantom"
    assert "--force (restore.force=true)" in caught.value.hint
    out, record = restored(scan, force=True)
    assert out.present.all()
    assert {f.grade for f in record.filled} == {"unknown"}
    assert all(f.psnr_db is None for f in record.filled)
    assert any("unknown" in note for note in record.notes)


def test_one_slice_between_two_is_refused_unless_forced():
    scan = make_holes(make_scan(3), [1])
    with pytest.raises(RestoreError, match="no gap at all"):
        restored(scan)
    out, record = restored(scan, force=True)
    assert out.present.all()
    assert record.filled[0].grade == "unknown"


def test_slices_made_by_a_program_are_no_truth():
    synthetic = np.zeros(24, bool)
    synthetic[[5, 9]] = True
    _, record = restored(make_holes(make_scan(synthetic=synthetic), [12]))
    assert any("[5, 9]" in note and "synthetic" in note for note in record.notes)


def test_a_scan_of_made_slices_alone_is_tried_out_on_itself_and_says_so():
    _, record = restored(make_holes(make_scan(synthetic=np.ones(24, bool)), [12]))
    assert record.n_hidden > 0
    assert any("every slice of this scan was made" in note for note in record.notes)


def test_rescale_of_each_slice_and_padding_are_kept():
    n = 24
    scan = make_scan(n, slope=np.linspace(0.5, 2, n), intercept=np.full(n, -1024.0), padding=-2000)
    stored = scan.stored.copy()
    stored[:6] = -2000
    scan = replace(scan, stored=stored)
    out, _ = restored(make_holes(scan, [12]))
    filled = out.slice(12)
    assert not (filled == -2000).any()
    physical = out.values[8:, :, 12]
    assert psnr(physical, scan.values[8:, :, 12], 1500) > 25
    assert out.values[2, 20, 12] == pytest.approx(np.percentile(scan.values[6:], 0.5), abs=40)


def test_nan_outside_the_field_of_view_does_not_spread():
    scan = make_scan()
    stored = scan.stored.astype(np.float32)
    stored[:5] = np.nan
    out, record = restored(make_holes(replace(scan, stored=stored), [12]))
    assert np.isfinite(out.slice(12)).all()
    assert record.filled[0].psnr_db is not None
    assert psnr(out.values[5:, :, 12], scan.values[5:, :, 12], 1500) > 25


def test_the_same_input_gives_the_same_bytes():
    scan = make_holes(make_scan(), [6, 12, 13])
    (first, one), (second, two) = restored(scan), restored(scan)
    np.testing.assert_array_equal(first.stored, second.stored)
    assert one == two


class Brighter:
    """Linear interpolation and a tenth of the range on top, under the name that always competes."""

    name = "linear"

    def fill(self, stack, targets):
        linear = next(f for f in classical_fillers() if f.name == "linear")
        return linear.fill(stack, targets) + np.float32(0.1)


def test_the_expected_shift_of_ct_is_that_of_hidden_slices_in_its_unit():
    scan = make_scan(modality="ct")
    low, high = np.percentile(scan.values, [0.5, 99.5])
    _, record = restore_scan(make_holes(scan, [11]), CLASSICAL, [Brighter()])
    assert record.shift_hu.value == pytest.approx(0.1 * (high - low), rel=0.1)
    assert record.shift_hu.low < record.shift_hu.value < record.shift_hu.high
    assert ScanRecord.from_json(record.as_json()) == record


def test_mr_has_no_unit_to_tell_a_shift_in():
    _, record = restored(make_holes(make_scan(), [11]))
    assert record.shift_hu is None


def test_a_thinned_stack_is_said_to_know_its_error_roughly():
    _, thinned = restored(make_holes(make_scan(), range(1, 23, 2)))
    _, holed = restored(make_holes(make_scan(), [11]))
    assert any("known roughly" in note for note in thinned.notes)
    assert not any("known roughly" in note for note in holed.notes)


@pytest.mark.parametrize(("model", "is_calibrated"), [("none", False), ("slices-faithful", True)])
def test_errors_expected_of_another_network_are_doubted_in_one_note(model, is_calibrated):
    settings = RestoreSettings(model=model, averaging=1)
    holed = make_holes(make_scan(14, (24, 24)), [6])
    _, record = restore_scan(holed, settings, load_fillers(settings))
    doubts = [note for note in record.notes if note.startswith("expected errors were calibrated")]
    assert record.is_calibrated == is_calibrated
    assert len(doubts) == (not is_calibrated)


def test_where_nothing_is_expected_nothing_is_doubted():
    holed = make_holes(make_scan(3), [1])
    _, record = restored(holed, force=True)
    assert record.is_calibrated
    assert not any("calibrated" in note for note in record.notes)
