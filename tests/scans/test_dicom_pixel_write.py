"""What is put into the Image Pixel module, read back by pydicom."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from medgan.errors import SeriesError
from medgan.scans.dicom_pixel_write import (
    StoredType,
    add_padding,
    add_pixels,
    sixteen_bits,
    window_of,
)
from tests.scans.restored import virtual_scan


def read_back(values: np.ndarray, stored: StoredType) -> np.ndarray:
    target = Dataset()
    target.file_meta = FileMetaDataset()
    target.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    add_pixels(target, values, stored)
    target.PhotometricInterpretation = "MONOCHROME2"
    assert len(target.PixelData) % 2 == 0  # PS3.5 7.1.1: values have even length
    return target.pixel_array


@pytest.mark.parametrize(
    ("stored", "low", "high"),
    [
        (StoredType(8, 8), 0, 255),
        (StoredType(8, 8, signed=True), -128, 127),
        (StoredType(16, 12), 0, 4095),
        (StoredType(16, 12, signed=True), -2048, 2047),
        (StoredType(16, 16, signed=True), -32768, 32767),
        (StoredType(32, 32, signed=True), -(2**31), 2**31 - 1),
    ],
)
def test_pixels_come_back_and_estimates_are_clipped_to_the_bits(stored, low, high):
    values = np.array([[low - 5, low, 1], [2, high, high + 5]], dtype=np.int64)
    assert stored.value_range == (low, high)
    expected = [[low, low, 1], [2, high, high]]
    assert read_back(values, stored).tolist() == expected


def test_an_odd_number_of_bytes_is_padded():
    values = np.arange(15, dtype=np.uint8).reshape(3, 5)
    assert np.array_equal(read_back(values, StoredType(8, 8)), values)


@pytest.mark.parametrize(
    ("values", "stored", "expected"),
    [
        ([0, 4095], StoredType(16, 12), StoredType(16, 12)),
        ([0, 4096], StoredType(16, 12), StoredType(16, 16)),
        ([-1, 5], StoredType(16, 12), StoredType(16, 16, signed=True)),
        ([0, 300], StoredType(8, 8), StoredType(16, 16)),
        ([0, 40000], StoredType(16, 16, signed=True), StoredType(16, 16)),
    ],
)
def test_a_slice_that_does_not_fit_its_neighbours_type_gets_a_wider_one(values, stored, expected):
    assert stored.holding(np.array(values)) == expected


@pytest.mark.parametrize(
    ("limit", "signed", "written"),
    [(None, True, None), (-1990, True, -1990), (63546, True, -1990), (99, False, 99)],
)
def test_padding_is_written_in_the_type_of_the_pixels(limit, signed, written):
    target = Dataset()
    add_padding(target, -2000 if signed else 0, limit, StoredType(signed=signed))
    wanted = "SS" if signed else "US"
    assert str(target["PixelPaddingValue"].VR) == wanted
    assert target.get("PixelPaddingRangeLimit") == written


@pytest.mark.parametrize(
    ("dtype", "shift", "signed"),
    [("int16", 0, True), ("int32", 0, False), ("int32", -500, True), ("float64", -500, True)],
)
def test_whole_numbers_keep_their_values_and_the_rescale(dtype, shift, signed):
    scan = virtual_scan("mr", "float64")
    whole = (np.rint(scan.stored) + shift).astype(dtype)
    scan = replace(scan, stored=whole, slope=scan.slope * 2)
    written = sixteen_bits(scan)
    assert np.array_equal(written.values, scan.stored)
    assert written.stored == StoredType(16, 16, signed=signed)
    assert (float(written.slope), float(written.intercept)) == (2, 0)
    assert (written.padding, written.notes) == (None, ())


def with_odd_ones(scan):
    odd = scan.stored.copy()
    odd[0, 0, 0], odd[1, 1, 1], odd[2, 2, 2] = np.nan, np.inf, -np.inf
    return replace(scan, stored=odd), np.isfinite(odd)


def test_other_numbers_are_within_half_a_step_and_odd_ones_are_padding_below_all():
    scan, there = with_odd_ones(virtual_scan("mr", "float32"))
    written = sixteen_bits(scan)
    slope, intercept = float(written.slope), float(written.intercept)
    assert written.stored == StoredType(16, 16)
    assert written.padding == 0
    np.testing.assert_array_equal(written.values == 0, ~there)
    assert written.values[there].min() == 1
    off = np.abs(written.values.astype(float) * slope + intercept - scan.stored)[there].max()
    assert off <= 0.501 * slope
    assert slope == pytest.approx(np.ptp(scan.stored[there]) / 65534, rel=1e-5)
    assert any(f"in steps of {written.slope}" in note for note in written.notes)
    assert any("3 voxels" in note and "Padding Value 0" in note for note in written.notes)


@pytest.mark.parametrize(("low", "padding", "signed"), [(0, -1, True), (7, 6, False)])
def test_whole_numbers_beside_odd_ones_keep_their_values(low, padding, signed):
    scan = virtual_scan("ct", "float32")
    whole = np.rint(scan.stored - scan.stored.min()) + low
    scan, there = with_odd_ones(replace(scan, stored=whole))
    written = sixteen_bits(scan)
    np.testing.assert_array_equal(written.values[there], scan.stored[there])
    assert set(written.values[~there].tolist()) == {padding}
    assert (written.padding, written.stored.signed) == (padding, signed)


@pytest.mark.parametrize("far", [1e30, -1e30, 1e300])
@pytest.mark.parametrize("share_of_background", [0.0, 0.996])
def test_one_value_so_far_out_that_all_others_would_be_lost_is_refused(far, share_of_background):
    values = virtual_scan("mr", "float64").stored
    n = int(values.size * share_of_background)
    values.reshape(-1)[:n] = 0
    scan = replace(virtual_scan("mr", "float64"), stored=values)
    assert sixteen_bits(scan).is_quantised
    values[-1, -1, -1] = far
    with pytest.raises(SeriesError, match=r"next to nothing would be left"):
        sixteen_bits(replace(scan, stored=values))


def test_window_shows_soft_tissue_or_the_middle_of_the_values():
    assert window_of(virtual_scan("ct")) == ("40.0", "400.0")
    scan = virtual_scan("mr")
    low, high = np.percentile(scan.values, (0.5, 99.5))
    centre, width = (float(text) for text in window_of(scan))
    assert (centre - width / 2, centre + width / 2) == pytest.approx((low, high), abs=0.01)
