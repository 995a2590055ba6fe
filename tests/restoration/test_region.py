"""Regions of phantoms filled: right where the truth is harmonic, nothing else touched, all said."""

import numpy as np
import pytest

from medgan.errors import RestoreError
from medgan.evaluation.fidelity import psnr
from medgan.record import ScanRecord
from medgan.restoration import fill_region
from medgan.restoration.region import parts_of
from medgan.scans import Grid
from tests.restoration.phantom import make_holes, make_scan


def marked_in(scan, *boxes):
    marked = np.zeros(scan.stored.shape, bool)
    for box in boxes:
        marked[box] = True
    return marked


BOX = np.s_[10:16, 12:17, 8:13]
SPECK = np.s_[30:32, 30:32, 20:21]


def test_only_marked_voxels_change_and_each_is_marked():
    scan = make_scan()
    marked = marked_in(scan, BOX, SPECK)
    out, record = fill_region(scan, marked)
    np.testing.assert_array_equal(out.stored[~marked], scan.stored[~marked])
    np.testing.assert_array_equal(out.made_voxels, marked)
    np.testing.assert_array_equal(np.flatnonzero(out.synthetic), [8, 9, 10, 11, 12, 20])
    assert out.stored.dtype == scan.stored.dtype
    width = float(np.ptp(np.percentile(scan.values, [0.5, 99.5])))
    assert psnr(out.values[BOX], scan.values[BOX], width) > 20
    assert [(r.first, r.last, r.n_voxels) for r in record.regions] == [
        ((10, 12, 8), (15, 16, 12), 150),
        ((30, 30, 20), (31, 31, 20), 4),
    ]
    assert record.regions[0].world_mm == (12.5, 14.0, 10.0)
    assert record.regions[0].volume_mm3 == 150
    assert set(record.measured_hashes) == {str(p) for p in range(24) if not out.synthetic[p]}
    assert any("no learned filler" in note for note in record.notes)
    assert (record.status, record.filled, record.missing) == ("restored", (), ())
    assert ScanRecord.from_json(record.as_json()) == record


def test_what_is_marked_is_not_looked_at():
    scan = make_scan()
    marked = marked_in(scan, BOX)
    spoilt = scan.stored.copy()
    spoilt[marked] = 32_000
    (one, first), (two, second) = (fill_region(s, marked) for s in (scan, make_scan(stored=spoilt)))
    np.testing.assert_array_equal(one.stored, two.stored)
    assert first.regions == second.regions


def test_a_linear_field_of_world_position_comes_back_on_oblique_voxels():
    affine = np.diag([0.8, 1.1, 3.0, 1.0])
    affine[:3, :3] = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0] @ affine[:3, :3]
    grid = Grid((20, 18, 12), affine)
    place = grid.position(np.moveaxis(np.indices(grid.shape), 0, -1))
    field = (place @ [3.0, -2.0, 5.0]).astype(np.float32)
    n = 12
    scan = make_scan(n, stored=field, grid=grid, slope=np.ones(n), intercept=np.zeros(n))
    marked = marked_in(scan, np.s_[6:12, 5:11, 4:8])
    spoilt = make_scan(n, stored=np.where(marked, np.float32(999), field), grid=grid)
    out, record = fill_region(spoilt, marked)
    np.testing.assert_allclose(out.stored, field, atol=2e-4 * np.ptp(field))
    assert record.regions[0].psnr_db.value > 70


def test_the_expected_error_is_told_by_the_same_shape_elsewhere():
    figures = []
    for seed in range(6):
        scan = make_scan(seed=seed)
        marked = marked_in(scan, np.s_[8 + seed : 14 + seed, 10:16, 6 + seed : 11 + seed])
        out, record = fill_region(scan, marked)
        width = float(np.ptp(np.percentile(scan.values, [0.5, 99.5])))
        true = psnr(out.values[marked], scan.values[marked], width)
        expected = record.regions[0].psnr_db
        figures.append((expected.low <= true <= expected.high, true - expected.value))
    assert sum(inside for inside, _ in figures) >= 4
    assert abs(np.mean([off for _, off in figures])) < 5
    harmonic, mean = record.candidates
    assert (harmonic.name, mean.name) == ("harmonic", "mean_of_rim")
    assert harmonic.psnr_db > mean.psnr_db


def test_parts_hang_together_by_faces():
    marked = np.zeros((6, 6, 6), bool)
    marked[1:3, 1, 1] = marked[3, 2, 2] = True
    assert [part.n_voxels for part in parts_of(marked)] == [2, 1]


def test_what_cannot_be_judged_is_refused_unless_forced():
    scan = make_scan()
    marked = marked_in(scan, np.s_[4:36, 4:40, 3:20])
    with pytest.raises(RestoreError, match="cannot be tried out") as caught:
        fill_region(scan, marked)
    assert "--force (restore.force=true)" in caught.value.hint
    out, record = fill_region(scan, marked, force=True)
    assert record.regions[0].grade == "unknown"
    assert out.made_voxels.sum() == marked.sum()


def test_a_region_that_does_not_settle_is_refused_with_a_way_out(monkeypatch):
    monkeypatch.setattr("medgan.interpolation.harmonic.MAX_STEPS", 1)
    scan = make_scan()
    for marked in (marked_in(scan, BOX), marked_in(scan, np.s_[4:36, 4:40, 3:20])):
        with pytest.raises(RestoreError, match="does not settle") as caught:
            fill_region(scan, marked, force=True)
        assert "Mark less" in caught.value.hint


def test_a_scan_with_gaps_is_refused():
    with pytest.raises(RestoreError, match="slices are missing"):
        fill_region(make_holes(make_scan(), [12]), marked_in(make_scan(), BOX))


def test_padding_is_a_wall_and_never_written():
    scan = make_scan(padding=-2000)
    stored = scan.stored.copy()
    stored[:12] = -2000
    scan = make_scan(stored=stored, padding=-2000)
    marked = marked_in(scan, np.s_[10:16, 12:17, 8:13])
    out, _ = fill_region(scan, marked, force=True)
    assert (out.stored[marked] != -2000).all()
    assert out.stored[marked].min() > 0
