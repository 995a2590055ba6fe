"""Corrected scans: every slice derived, said everywhere, the original as it was."""

from __future__ import annotations

from dataclasses import replace

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.errors import RestoreError
from medgan.record import ScanRecord
from medgan.restoration import correct, correct_scan, load_denoisers
from medgan.scans import Order, load, validate, write_dicom, write_nifti
from tests.restoration.phantom import make_holes, make_scan
from tests.scans.series import make_series, save

CLASSICAL = load_denoisers("none")


def noisy_scan(sigma=60, **changes):
    scan = make_scan(12, (32, 36), **changes)
    noise = np.random.default_rng(1).normal(0, sigma, scan.stored.shape)
    return replace(scan, stored=np.rint(scan.stored + noise).astype(np.int16))


@pytest.mark.parametrize("axis", [0, 2])
def test_denoising_changes_every_slice_and_says_so(axis):
    scan = noisy_scan(axis=axis)
    before = scan.stored.copy()
    result, record = correct_scan(scan, ["denoise"], CLASSICAL)
    assert np.array_equal(scan.stored, before)
    assert result.stored.dtype == scan.stored.dtype
    assert result.synthetic.all()
    assert result.region is None
    assert record.status == "restored"
    assert record.measured_hashes == {}
    assert record.filled == ()
    (done,) = record.corrections
    assert done.kind == "denoise"
    assert done.noise_level == pytest.approx(60, rel=0.1)
    assert any("every slice is derived" in note for note in record.notes)
    truth = make_scan(12, (32, 36), axis=axis).values
    gain = 10 * np.log10(
        np.mean((scan.values - truth) ** 2) / np.mean((result.values - truth) ** 2)
    )
    assert gain == pytest.approx(done.gain_db, abs=0.6)
    assert ScanRecord.from_json(record.as_json()) == record


def test_a_scan_that_nothing_helps_comes_back_bit_for_bit():
    scan = noisy_scan()
    result, record = correct_scan(scan, ["denoise"], CLASSICAL[:1])
    assert result is scan
    assert record.corrections == ()
    assert record.measured_hashes == {str(p): scan.slice_hash(p) for p in range(12)}
    assert any("left as it is" in note for note in record.notes)


def test_padding_stays_padding():
    scan = noisy_scan()
    stored = scan.stored.copy()
    stored[:6, :6] = -2000
    scan = replace(scan, stored=stored, padding=-2000)
    result, _ = correct_scan(scan, ["denoise"], CLASSICAL)
    assert np.array_equal(result.stored == -2000, stored == -2000)


def test_what_was_not_a_number_stays_so():
    scan = noisy_scan()
    stored = scan.stored.astype(np.float32)
    stored[0, 0, 0] = np.nan
    result, _ = correct_scan(replace(scan, stored=stored), ["denoise"], CLASSICAL)
    assert np.array_equal(np.isnan(result.stored), np.isnan(stored))


def test_gaps_are_filled_before_not_after():
    with pytest.raises(RestoreError, match="slices are missing"):
        correct_scan(make_holes(noisy_scan(), [4]), ["denoise"], CLASSICAL)


@pytest.mark.parametrize("kind", ["gibbs", "bias_field"])
def test_what_mr_alone_has_is_refused_of_others(kind):
    with pytest.raises(RestoreError, match="that is for MR, this scan is CT"):
        correct_scan(noisy_scan(modality="ct"), [kind], ())


def test_what_is_divided_by_is_the_field_that_was_found(monkeypatch):
    scan = make_scan(12, (32, 36))
    field = np.linspace(0.8, 1.2, 32, dtype=np.float32)[:, None, None] * np.ones((1, 36, 12))
    monkeypatch.setattr(correct, "bias_field", lambda values, spacing: field)
    result, record = correct_scan(scan, ["bias_field"], ())
    meant = np.clip(scan.stored / field, scan.stored.min(), scan.stored.max())
    assert np.abs(result.stored - meant).max() < 0.51
    assert [one.kind for one in record.corrections] == ["bias_field"]
    assert any("spans 0.80 to 1.20" in note for note in record.notes)


def test_noise_comes_first_whatever_the_order_asked_for(monkeypatch):
    assert correct.ORDER == ("denoise", "gibbs", "bias_field")
    monkeypatch.setattr(correct, "bias_field", lambda values, spacing: np.ones_like(values))
    _, record = correct_scan(noisy_scan(), ["bias_field", "denoise"], CLASSICAL)
    assert [one.kind for one in record.corrections] == ["denoise", "bias_field"]


def test_a_4d_file_of_which_one_volume_was_changed_is_not_taken_for_measured(tmp_path):
    scan = noisy_scan()
    result, _ = correct_scan(scan, ["denoise"], CLASSICAL)
    path = write_nifti([scan, result], tmp_path / "both.nii.gz")
    assert bytes(nib.load(path).header["descrip"]).startswith(b"restored by medgan")


def test_a_dicom_series_keeps_its_places_and_claims_no_measured_value(tmp_path):
    save(make_series(), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    noise = np.random.default_rng(0).normal(0, 40, scan.stored.shape)
    noisy = replace(scan, stored=np.rint(scan.stored + noise).astype(scan.stored.dtype))
    result, record = correct_scan(noisy, ["denoise"], CLASSICAL)
    assert record.corrections
    order = Order("medgan noise reduced", "every slice changed", derived=("denoise",))
    paths = write_dicom(result, tmp_path / "out" / "series", order)
    validate(paths, result)
    sources = {str(pydicom.dcmread(p).SOPInstanceUID) for p in (tmp_path / "in").rglob("*.dcm")}
    for path in paths:
        image = pydicom.dcmread(path)
        assert image.SyntheticData == "YES"
        assert list(image.ImageType)[:2] == ["DERIVED", "SECONDARY"]
        assert "none is as in the source" in image.DerivationDescription
        assert image.DerivationCodeSequence[0].CodeValue == "DENOISED"
        assert image.SeriesDescription == "medgan noise reduced"
        (source,) = image.SourceImageSequence
        assert source.ReferencedSOPInstanceUID in sources
        assert source.SpatialLocationsPreserved == "YES"
        assert image.SOPInstanceUID not in sources


def test_values_that_the_scan_has_no_room_for_are_counted(monkeypatch):
    scan = make_scan(12, (32, 36), modality="mr")
    top = scan.stored.max()
    n_over = int((scan.values / 0.5 > top + 1).sum())
    monkeypatch.setattr(correct, "bias_field", lambda values, _: np.full_like(values, 0.5))
    result, record = correct_scan(scan, ["bias_field"], ())
    assert result.stored.max() == top
    assert any(note.startswith(f"{n_over} voxels came out beyond") for note in record.notes)
    monkeypatch.setattr(correct, "bias_field", lambda values, spacing: np.ones_like(values))
    _, record = correct_scan(scan, ["bias_field"], ())
    assert not any("came out beyond" in note for note in record.notes)
