"""What a person asks beside the gaps: from files to proved outputs, and what cannot be meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.errors import UsageError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline
from medgan.record import ScanRecord
from tests.cli.small_scans import values, write_scan
from tests.scans.series import Series, make_series, save, without

INLINE = RunOptions(workers=0)


def restore(source: Path, out: Path, *overrides: str) -> RunSummary:
    overrides = ("restore.model=none", *overrides)
    return run_pipeline("restore_folder", source, out, overrides, INLINE)


def only(summary: RunSummary) -> ScanRecord:
    (record,) = summary.records
    assert summary.exit_code == 0, record.failure
    return record


def array(path: Path) -> Any:
    return np.asanyarray(nib.load(path).dataobj)


def test_constant_ends_are_left_alone_without_the_flag(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(0, 1, 9))
    record = only(restore(source, tmp_path / "out"))
    assert record.missing == (9,)
    assert (array(tmp_path / "out" / "a.nii.gz")[:, :, :2] == 0).all()


def test_constant_ends_are_extrapolated_with_it_and_said_everywhere(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(0, 1, 9))
    out = tmp_path / "out"
    record = only(restore(source, out, "index.fill_ends=true", "export.formats=[nifti, dicom]"))
    assert record.missing == (0, 1, 9)
    assert [made.extrapolated for made in record.filled] == [True, True, False]
    assert not any(made.overwritten for made in record.filled)
    assert record.ruler.startswith("..|")
    made, truth = array(out / "a.nii.gz"), values((24, 22, 20))
    kept = [p for p in range(20) if p not in (0, 1, 9)]
    np.testing.assert_array_equal(made[..., kept], truth[..., kept])
    assert made[..., :2].std() > 10
    sidecar = json.loads((out / "a.json").read_text())
    assert sidecar["filled"][0]["extrapolated"] is True
    page = (out / "report.html").read_text()
    assert "beyond the end, extrapolated" in page
    assert "were extrapolated" in page
    assert "2 of them extrapolated" in pydicom.dcmread(out / "a" / "0010.dcm").DerivationDescription


def test_a_scan_with_nothing_but_empty_ends_goes_on(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(18, 19))
    assert only(restore(source, tmp_path / "one")).status == "complete"
    record = only(restore(source, tmp_path / "two", "index.fill_ends=true"))
    assert [made.position for made in record.filled] == [18, 19]


def test_slices_a_dicom_header_counts_are_made_beyond_the_ends(tmp_path: Path) -> None:
    slices = make_series(Series(n=14))
    for dataset in slices:
        dataset.ImagesInAcquisition = 14
    save(without(slices, 0, 12, 13), tmp_path / "in")
    assert only(restore(tmp_path / "in", tmp_path / "one")).status == "complete"
    record = only(restore(tmp_path / "in", tmp_path / "two", "index.fill_ends=true"))
    assert record.missing == (0, 12, 13)
    files = sorted(path for path in (tmp_path / "two").rglob("*.dcm"))
    written = [pydicom.dcmread(path) for path in files]
    assert len(written) == 14
    for made, true in zip(written, slices, strict=True):
        np.testing.assert_allclose(
            np.array(made.ImagePositionPatient, float),
            np.array(true.ImagePositionPatient, float),
            atol=1e-6,
        )
    assert [w.SyntheticData for w in written] == ["YES", *["NO"] * 11, "YES", "YES"]
    assert "beyond the last measured slice" in written[0].DerivationDescription
    assert written[0].DerivationCodeSequence[0].CodeValue == "113085"
    for made, true in zip(written[1:12], slices[1:12], strict=True):
        assert made.PixelData == true.PixelData


def test_where_the_numbers_do_not_tell_the_end_nothing_is_added(tmp_path: Path) -> None:
    slices = make_series(Series(n=14))
    for n, dataset in enumerate(slices):
        dataset.ImagesInAcquisition = 14
        dataset.InstanceNumber = (n * 5) % 14 + 1
    save(without(slices, 13), tmp_path / "in")
    record = only(restore(tmp_path / "in", tmp_path / "out", "index.fill_ends=true"))
    assert record.status == "complete"
    assert any("do not say at which end" in note for note in record.notes)


def test_named_positions_at_an_end_need_the_flag(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    with pytest.raises(UsageError, match="both sides") as caught:
        restore(source, tmp_path / "one", "index.missing=[18, 19]")
    assert "--fill-ends" in caught.value.hint
    ends = ("index.missing=[18, 19]", "index.fill_ends=true")
    record = only(restore(source, tmp_path / "two", *ends))
    assert [(m.position, m.overwritten, m.extrapolated) for m in record.filled] == [
        (18, True, True),
        (19, True, True),
    ]


def test_positions_are_opened_and_the_stack_is_longer(tmp_path: Path) -> None:
    truth = values((24, 22, 20))
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    nib.save(nib.Nifti1Image(np.delete(truth, [11, 12], axis=2), affine), tmp_path / "a.nii.gz")
    record = only(restore(tmp_path / "a.nii.gz", tmp_path / "out", "index.insert=[11, 12]"))
    image = nib.load(tmp_path / "out" / "a.nii.gz")
    assert image.shape == (24, 22, 20)
    np.testing.assert_array_equal(image.affine, affine)
    made = np.asanyarray(image.dataobj)
    kept = [p for p in range(20) if p not in (11, 12)]
    np.testing.assert_array_equal(made[..., kept], truth[..., kept])
    wrong = np.abs(made[..., [11, 12]].astype(float) - truth[..., [11, 12]]).mean()
    assert wrong < 30
    mask = array(tmp_path / "out" / "a_mask.nii.gz")
    np.testing.assert_array_equal(np.flatnonzero(mask.any(axis=(0, 1))), [11, 12])
    assert record.missing == (11, 12)
    assert any("opened on request" in note and "2 slices longer" in note for note in record.notes)


def test_dicom_positions_contradict_an_insertion(tmp_path: Path) -> None:
    save(make_series(), tmp_path / "in")
    with pytest.raises(UsageError, match="own slice positions") as caught:
        restore(tmp_path / "in", tmp_path / "out", "index.insert=[5]")
    assert "NIfTI" in caught.value.hint


@pytest.mark.parametrize("positions", ["[0]", "[20]", "[25]", "[5, 5]"])
def test_positions_that_cannot_be_opened_are_refused(tmp_path: Path, positions: str) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    with pytest.raises(UsageError, match="cannot be opened"):
        restore(source, tmp_path / "out", f"index.insert={positions}")


def save_mask(path: Path, shape: tuple[int, int, int], affine: Any) -> Any:
    marked = np.zeros(shape, np.uint8)
    marked[8:13, 3:7, 5:9] = 1
    nib.save(nib.Nifti1Image(marked, affine), path)
    return marked != 0


def test_a_marked_region_is_filled_and_nothing_else_changes(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz")
    marked = save_mask(tmp_path / "m.nii.gz", (24, 22, 20), np.diag([1.0, 1.0, 2.0, 1.0]))
    out = tmp_path / "out"
    record = only(restore(source, out, f"index.mask={tmp_path / 'm.nii.gz'}"))
    made, truth = array(out / "a.nii.gz"), values((24, 22, 20))
    np.testing.assert_array_equal(made[~marked], truth[~marked])
    assert 0 < np.abs(made[marked].astype(float) - truth[marked]).mean() < 40
    np.testing.assert_array_equal(array(out / "a_mask.nii.gz"), marked)
    assert record.regions[0].n_voxels == 80
    assert record.pictures == (".medgan/pictures/a.png",)
    page = (out / "report.html").read_text()
    assert "Expected error of each filled region" in page
    assert "Laplace" in page
    assert str(tmp_path) not in page


def test_every_dicom_slice_that_a_region_touches_is_marked(tmp_path: Path) -> None:
    slices = make_series(Series(n=14, rows=20, columns=22))
    save(slices, tmp_path / "in")
    nifti = restore(tmp_path / "in", tmp_path / "first", "index.take=all", "export.formats=[nifti]")
    image = nib.load(tmp_path / "first" / only(nifti).outputs[0])
    marked = save_mask(tmp_path / "m.nii.gz", image.shape, image.affine)
    mask = f"index.mask={tmp_path / 'm.nii.gz'}"
    record = only(restore(tmp_path / "in", tmp_path / "out", mask, "restore.force=true"))
    written = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    touched = marked.any(axis=(0, 1))
    assert [w.SyntheticData == "YES" for w in written] == touched.tolist()
    for at, (made, true) in enumerate(zip(written, slices, strict=True)):
        assert made.ImagePositionPatient == true.ImagePositionPatient
        outside = ~marked[:, :, at].T
        np.testing.assert_array_equal(made.pixel_array[outside], true.pixel_array[outside])
        said = "marked region" in made.DerivationDescription
        assert said == touched[at]
    assert record.status == "restored"
    assert (array(tmp_path / "out" / record.outputs[-2]) != 0).sum() == marked.sum()


def test_exact_samples_come_back_bit_for_bit_between_new_ones(tmp_path: Path) -> None:
    truth = values((24, 22, 33))
    affine = np.diag([1.0, 1.0, 4.0, 1.0])
    nib.save(nib.Nifti1Image(truth[..., ::2], affine), tmp_path / "a.nii.gz")
    record = only(
        restore(tmp_path / "a.nii.gz", tmp_path / "out", "index.upsample=2", "index.slices=missing")
    )
    image = nib.load(tmp_path / "out" / "a.nii.gz")
    made = np.asanyarray(image.dataobj)
    np.testing.assert_allclose(image.affine, np.diag([1.0, 1.0, 2.0, 1.0]))
    np.testing.assert_array_equal(made[..., ::2], truth[..., ::2])
    assert np.abs(made[..., 1::2].astype(float) - truth[..., 1::2]).mean() < 25
    assert len(record.filled) == 16
    assert record.n_hidden > 0


def test_a_dicom_series_is_thinned_with_its_own_positions_verbatim(tmp_path: Path) -> None:
    slices = make_series(Series(n=14))
    save(slices, tmp_path / "in")
    asked = ("index.spacing_mm=1.0", "index.slices=missing")
    record = only(restore(tmp_path / "in", tmp_path / "out", *asked))
    written = [pydicom.dcmread(path) for path in sorted((tmp_path / "out").rglob("*.dcm"))]
    assert len(written) == 13 * 3 + 1
    assert record.spacing_mm[2] == pytest.approx(1.0)
    for made, true in zip(written[::3], slices, strict=True):
        assert made.ImagePositionPatient == true.ImagePositionPatient
        assert made.PixelData == true.PixelData
        assert made.SyntheticData == "NO"
    steps = np.diff([float(w.ImagePositionPatient[2]) for w in written])
    np.testing.assert_allclose(steps, 1.0, atol=1e-6)


def test_thick_slices_come_back_when_averaged_again(tmp_path: Path) -> None:
    fine = values((24, 22, 36)).astype(float)
    thick = np.rint(fine.reshape(24, 22, 12, 3).mean(axis=3)).astype(np.int16)
    affine = np.diag([1.0, 1.0, 3.0, 1.0])
    affine[2, 3] = 7
    nib.save(nib.Nifti1Image(thick, affine), tmp_path / "a.nii.gz")
    asked = ("index.upsample=3", "index.slices=thick")
    out = tmp_path / "out"
    record = only(restore(tmp_path / "a.nii.gz", out, *asked))
    image = nib.load(out / "a.nii.gz")
    made = np.asanyarray(image.dataobj)
    assert made.dtype == np.float32
    again = made.reshape(24, 22, 12, 3).mean(axis=3, dtype=np.float64)
    width = np.ptp(np.percentile(thick, [0.5, 99.5]))
    assert np.abs(again - thick).max() < 1e-4 * width
    # The first thin slice lies one thin step below the centre of the first thick one.
    np.testing.assert_allclose(image.affine[2], [0, 0, 1, 6])
    assert np.abs(made - fine).mean() < np.abs(np.repeat(thick, 3, axis=2) - fine).mean()
    assert array(out / "a_mask.nii.gz").all()
    assert record.measured_hashes == {}
    assert any("no measured value is kept bit for bit" in note for note in record.notes)
    assert "averages over their thickness" in (out / "report.html").read_text()
    refused = restore(tmp_path / "a.nii.gz", tmp_path / "dcm", *asked, "export.formats=[dicom]")
    assert "fractions" in refused.records[0].failure.what  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "overrides",
    [
        ["index.upsample=2"],
        ["index.slices=thick"],
        ["index.upsample=2", "index.spacing_mm=1", "index.slices=thick"],
        ["index.spacing_mm=1.3", "index.slices=missing"],
        ["index.insert=[3]", "index.missing=[4]"],
        ["index.mask=none.nii.gz"],
        ["index.missing=[3]", "index.upsample=2", "index.slices=missing"],
        ["index.missing=[" + ", ".join(map(str, range(20))) + "]", "index.fill_ends=true"],
    ],
)
def test_what_cannot_be_meant_is_refused_before_any_work(
    tmp_path: Path, overrides: list[str]
) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    with pytest.raises(UsageError):
        restore(source, tmp_path / "out", *overrides)


def test_what_is_for_one_scan_is_refused_for_two(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz")
    write_scan(tmp_path / "in" / "b.nii.gz")
    with pytest.raises(UsageError, match="one scan"):
        restore(tmp_path / "in", tmp_path / "out", "index.insert=[3]")
