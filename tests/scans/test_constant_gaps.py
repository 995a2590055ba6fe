from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from medgan.scans import load, with_constant_gaps
from medgan.scans.constant_gaps import AS_FOUND, BELOW, LOWEST, PADDING
from tests.scans.restored import virtual_scan
from tests.scans.series import make_series, save, without


def holed(folder, **knobs):
    save(without(make_series(**knobs), 4, 5), folder)
    (scan,) = load(folder)
    return scan


def test_the_value_lies_below_every_measured_one(tmp_path):
    shown = with_constant_gaps(holed(tmp_path, signed=True, intercept=0.0))
    assert shown.why == BELOW
    gap, rest = shown.scan.stored[..., [4, 5]], np.delete(shown.scan.stored, [4, 5], axis=2)
    assert np.unique(gap).tolist() == [int(rest.min()) - 1]
    assert shown.scan.missing == (4, 5)


def test_an_unsigned_scan_that_starts_at_0_has_nothing_below(tmp_path):
    scan = holed(tmp_path)
    slabs = scan.stored.copy()
    slabs[0, 0, 0] = 0
    shown = with_constant_gaps(replace(scan, stored=slabs))
    assert shown.why == LOWEST
    assert not shown.scan.stored[..., [4, 5]].any()


def test_padding_is_used_where_there_is_one(tmp_path):
    shown = with_constant_gaps(replace(holed(tmp_path), padding=63))
    assert shown.why == PADDING
    assert (shown.scan.stored[..., [4, 5]] == 63).all()


def test_slices_with_their_own_rescale_hold_one_physical_value_below_all(tmp_path):
    datasets = make_series(modality="PT", intercept=0.0, signed=True)
    save(without(datasets, 4, 8), tmp_path)
    (scan,) = load(tmp_path)
    slope = np.where(np.arange(scan.n_positions) < 6, 0.5, 2.0)
    shown = with_constant_gaps(replace(scan, slope=slope))
    physical = shown.scan.stored * slope
    low = np.delete(physical, [4, 8], axis=2).min()
    for position in (4, 8):
        values = np.unique(physical[..., position])
        assert values.size == 1
        assert low - 2 * slope[position] <= values[0] < low


def test_a_float_scan_keeps_to_its_range(tmp_path):
    scan = replace(virtual_scan().without([3]), format="dicom")
    shown = with_constant_gaps(scan)
    rest = np.delete(shown.scan.stored, 3, axis=2)
    value = float(np.unique(shown.scan.stored[..., 3])[0])
    assert value == pytest.approx(rest.min() - 0.01 * np.ptp(rest), rel=1e-5)


def test_a_file_that_holds_its_gap_open_stays_as_it_is():
    scan = virtual_scan().without([3])
    shown = with_constant_gaps(scan)
    assert shown.why == AS_FOUND
    assert shown.scan is scan


def test_a_complete_scan_stays_as_it_is():
    scan = virtual_scan()
    assert with_constant_gaps(scan).scan is scan
