"""Ends, regions and thick slices of a real scan: better than the simplest, nothing else moved."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.evaluation.fidelity import psnr
from medgan.interpolation import classical_fillers
from medgan.restoration import RestoreSettings, fill_region, restore_scan, thin_slices
from medgan.scans import Grid, Scan, load

DATA = Path(os.environ.get("MEDGAN_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="module")
def scan() -> Scan:
    file = DATA / "hippocampus" / "images" / "hippocampus_057.nii.gz"
    if not file.is_file():
        pytest.skip("no real scans: hippocampus is not below MEDGAN_DATA")
    (found,) = load(file)
    return found


def width(scan: Scan) -> float:
    return float(np.ptp(np.percentile(scan.values, [0.5, 99.5])))


def test_an_end_is_nearer_than_the_mean_of_the_scan(scan: Scan) -> None:
    gone = [0, scan.n_positions - 1]
    settings = RestoreSettings(model="none", fill_ends=True)
    out, record = restore_scan(scan.without(gone), settings, classical_fillers())
    true = np.moveaxis(scan.values, scan.axis, 0)[gone]
    made = np.moveaxis(out.values, scan.axis, 0)[gone]
    flat = np.full_like(true, scan.values.mean())
    assert psnr(made, true, width(scan)) > psnr(flat, true, width(scan)) + 3
    assert all(slice_.extrapolated for slice_ in record.filled)


def test_a_region_is_nearer_than_the_mean_and_nothing_else_moves(scan: Scan) -> None:
    marked = np.zeros(scan.stored.shape, bool)
    marked[12:20, 20:30, 10:18] = True
    out, _ = fill_region(scan, marked)
    flat = np.full(int(marked.sum()), scan.values[~marked].mean(), np.float32)
    figure = psnr(out.values[marked], scan.values[marked], width(scan))
    assert figure > psnr(flat, scan.values[marked], width(scan)) + 3
    np.testing.assert_array_equal(out.stored[~marked], scan.stored[~marked])


def test_thin_slices_are_nearer_than_repeated_thick_ones(scan: Scan) -> None:
    planes = np.moveaxis(scan.values, scan.axis, 0)
    planes = planes[: len(planes) // 2 * 2]
    slabs = planes.reshape(-1, 2, *planes.shape[1:]).mean(axis=1)
    n = len(slabs)
    affine = scan.affine.copy()
    affine[:3, 3] += affine[:3, scan.axis] / 2
    affine[:3, scan.axis] *= 2
    stored = np.moveaxis(slabs, 0, scan.axis)
    thick = replace(
        scan,
        stored=stored,
        grid=Grid(stored.shape, affine),  # type: ignore[arg-type]
        present=np.ones(n, bool),
        synthetic=np.zeros(n, bool),
        slope=np.ones(n),
        intercept=np.zeros(n),
    )
    out, _ = thin_slices(thick, 2, classical_fillers())
    np.testing.assert_allclose(out.affine, scan.affine, atol=1e-5)
    made = np.moveaxis(out.values, scan.axis, 0)
    again = made.reshape(n, 2, *made.shape[1:]).mean(axis=1, dtype=np.float64)
    assert np.abs(again - slabs).max() < 1e-4 * width(scan)
    repeated = psnr(np.repeat(slabs, 2, axis=0), planes, width(scan))
    assert psnr(made, planes, width(scan)) > repeated + 1.5
