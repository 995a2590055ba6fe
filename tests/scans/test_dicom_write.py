"""Restored and virtual DICOM series, judged by pydicom and SimpleITK and a world that is known."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from medgan.errors import SeriesError, UsageError, WriteError
from medgan.scans import Order, Scan, load, validate, write_dicom
from tests.scans.restored import filled, measured, restored_series, virtual_scan
from tests.scans.series import (
    CORONAL,
    SAGITTAL,
    make_enhanced,
    make_series,
    oblique,
    save,
    score,
    set_pixels,
    texts,
    without,
    world_value,
)
from tests.scans.volumes import oblique_affine, world_volume, write

COVERS = (
    "dicom_order",
    "dicom_restored",
    "dicom_source",
    "dicom_virtual",
    "restored_provenance",
    "restored_series",
    "restored_values",
)

DERIVATION = "2 slices filled by a test"


def write_it(scan: Scan, folder: Path, **more: object) -> list[Dataset]:
    files = write_dicom(
        scan, folder, Order(description="medgan restored", derivation=DERIVATION, **more)
    )
    assert [file.name for file in files] == sorted(file.name for file in files)
    validate(files, scan)
    return [pydicom.dcmread(file) for file in files]


def read_by_itk(folder: Path) -> tuple[SimpleITK.Image, np.ndarray]:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    return image, SimpleITK.GetArrayFromImage(image).transpose()


def itk_affine_lps(image: SimpleITK.Image) -> np.ndarray:
    affine = np.eye(4)
    direction = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return affine


@pytest.mark.parametrize("modality", ["CT", "MR"])
@pytest.mark.parametrize("axes", [SAGITTAL, CORONAL, oblique()])
def test_itk_reads_the_grid_and_values_of_a_restored_series(tmp_path, modality, axes):
    scan = restored_series(tmp_path / "in", modality=modality, axes=axes)
    write_it(scan, tmp_path / "out")
    image, values = read_by_itk(tmp_path / "out")
    assert np.abs(itk_affine_lps(image) - scan.grid.affine_lps).max() < 1e-3
    assert np.array_equal(values, scan.values)
    assert score(load(tmp_path / "out")[0].without([4, 5])) <= 0.5


def test_measured_slices_keep_their_bytes_and_the_text_of_their_position(tmp_path):
    scan = restored_series(tmp_path / "in", axes=oblique(), step_mm=1.2345678)
    for position, image in enumerate(write_it(scan, tmp_path / "out")):
        source = scan.source.files[position]
        if source is None:
            continue
        original = pydicom.dcmread(source)
        assert image.PixelData == original.PixelData
        for keyword in ("ImagePositionPatient", "RescaleSlope", "PixelSpacing"):
            assert str(image[keyword].value) == str(original[keyword].value)


def test_filled_slices_lie_evenly_between_their_neighbours(tmp_path):
    scan = restored_series(tmp_path / "in", axes=oblique(), step_mm=1.1)
    images = write_it(scan, tmp_path / "out")
    places = np.array([[float(v) for v in image.ImagePositionPatient] for image in images])
    expected = places[3] + np.outer([1 / 3, 2 / 3], places[6] - places[3])
    assert np.abs(places[4:6] - expected).max() < 1e-8
    assert all(len(str(v)) <= 16 for image in images for v in image.ImagePositionPatient)


def test_marks_tell_filled_from_measured(tmp_path):
    scan = restored_series(tmp_path / "in")
    images = write_it(scan, tmp_path / "out", model="faithful 0123")
    for position, image in enumerate(images):
        made = position in (4, 5)
        assert image.SyntheticData == ("YES" if made else "NO")
        assert list(image.ImageType) == ["DERIVED", "SECONDARY", "AXIAL"]
        assert "research use only, not for diagnosis" in image.DerivationDescription.lower()
        assert DERIVATION in image.DerivationDescription
        assert ("DerivationCodeSequence" in image) == made
        assert len(image.SourceImageSequence) == (2 if made else 1)
        purposes = [
            item.PurposeOfReferenceCodeSequence[0].CodeValue
            for item in image.ContributingEquipmentSequence
        ]
        assert purposes == ["109101", "109100" if made else "109102"]
        assert image.InstanceNumber == position + 1
    originals = [pydicom.dcmread(f).SOPInstanceUID for f in scan.source.files if f]
    used = [i.ReferencedSOPInstanceUID for i in images[4].SourceImageSequence]
    assert used == [originals[3], originals[4]]


def test_codes_mean_what_the_standard_says(tmp_path):
    from pydicom.sr._concepts_dict import concepts

    meanings = {
        value: meaning
        for entry in concepts["DCM"].values()
        for value, (meaning, _) in entry.items()
    }
    for image in write_it(restored_series(tmp_path / "in"), tmp_path / "out"):
        for element in image.iterall():
            if element.keyword != "CodeValue":
                continue
            assert element.value in meanings
        for item in image.SourceImageSequence:
            code = item.PurposeOfReferenceCodeSequence[0]
            assert meanings[code.CodeValue] == code.CodeMeaning


def test_series_is_new_and_study_and_frame_are_the_same(tmp_path):
    scan = restored_series(tmp_path / "in")
    images = write_it(scan, tmp_path / "out")
    original = pydicom.dcmread(scan.source.files[0])
    for image in images:
        assert image.StudyInstanceUID == original.StudyInstanceUID
        assert image.FrameOfReferenceUID == original.FrameOfReferenceUID
        assert image.SeriesInstanceUID != original.SeriesInstanceUID
        assert image.SeriesInstanceUID.startswith("2.25.")
        assert len(image.SeriesInstanceUID) <= 64
        assert image.SeriesNumber == original.SeriesNumber + 1000
        assert image.PatientName == original.PatientName
        assert image.Manufacturer == "medgan"


def test_the_same_input_gives_the_same_bytes_and_a_changed_pixel_new_identifiers(tmp_path):
    scan = restored_series(tmp_path / "in")
    first = write_it(scan, tmp_path / "a")
    write_it(scan, tmp_path / "b")
    for file in sorted((tmp_path / "a").iterdir()):
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
    stored = scan.stored.copy()
    stored[0, 0, 4] += 1
    other = write_it(replace(scan, stored=stored), tmp_path / "c")
    assert first[0].SeriesInstanceUID != other[0].SeriesInstanceUID
    uids = {image.SOPInstanceUID for image in (*first, *other)}
    assert len(uids) == 24


def test_rescale_per_slice_is_kept_and_a_filled_slice_has_its_neighbours(tmp_path):
    datasets = make_series(modality="PT", slope=1.0, intercept=0.0)
    for n, dataset in enumerate(datasets):
        physical = dataset.pixel_array.astype(float) + 1000
        dataset.RescaleSlope = f"{0.5 + 0.01 * n:.3f}"
        set_pixels(dataset, physical)
    save(without(datasets, 4, 5), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(filled(scan), tmp_path / "out")
    slopes = [float(image.RescaleSlope) for image in images]
    assert slopes[3] == slopes[4] == 0.53
    assert slopes[5] == slopes[6] == 0.56
    for position in (4, 5):
        physical = images[position].pixel_array * slopes[position]
        assert np.abs(physical.T - scan.values[:, :, 3] - 1).max() <= 0.5 * slopes[position] + 1e-3


def test_mixed_signedness_keeps_each_slices_own_type(tmp_path):
    unsigned = make_series(intercept=-1024.0)
    signed = make_series(intercept=0.0, signed=True, uid=unsigned[0].SeriesInstanceUID)
    datasets = [(signed if n % 2 else unsigned)[n] for n in range(12)]
    save(without(datasets, 4, 7), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    for position, image in enumerate(write_it(filled(scan), tmp_path / "out")):
        if position in (4, 7):
            continue
        assert image.PixelRepresentation == position % 2
        assert image.PixelData == datasets[position].PixelData


def test_bits_and_padding_stay_as_in_the_source(tmp_path):
    datasets = make_series(signed=True, intercept=0.0, bits_stored=12)
    for dataset in datasets:
        physical = np.clip(dataset.pixel_array.astype(float), -2000, 2000)
        set_pixels(dataset, physical, padding=-2000)
        dataset.add_new(0x00280120, "SS", -2000)
    save(without(datasets, 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    assert scan.padding == -2000
    for image in write_it(filled(scan), tmp_path / "out"):
        assert (image.BitsStored, image.HighBit, image.PixelRepresentation) == (12, 11, 1)
        assert image["PixelPaddingValue"].VR == "SS"
        assert image.PixelPaddingValue == -2000
    assert not (images_of(tmp_path / "out")[4].pixel_array == -2000).any()


def images_of(folder: Path) -> list[Dataset]:
    return [pydicom.dcmread(file) for file in sorted(folder.glob("*.dcm"))]


def test_tilted_stack_keeps_its_shear(tmp_path):
    scan = restored_series(tmp_path / "in", tilt_mm=0.3)
    write_it(scan, tmp_path / "out")
    (again,) = load(tmp_path / "out")
    assert np.abs(again.affine - scan.affine).max() < 1e-6
    assert again.grid.shear_mm > 0.8


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_enhanced_object_becomes_single_frames(tmp_path, modality):
    order = [7, 0, 3, 11, 5, 1, 9, 2, 8, 10, 6]
    dataset = make_enhanced(modality=modality, order=order, slope=2.0, intercept=-1000.0)
    save([dataset], tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    assert scan.missing == (4,)
    images = write_it(filled(scan), tmp_path / "out")
    assert len(images) == 12
    assert {image.SOPClassUID.name for image in images} == {f"{modality} Image Storage"}
    assert images[0].SourceImageSequence[0].ReferencedFrameNumber == 2
    assert float(images[0].RescaleSlope) == 2.0
    assert score(load(tmp_path / "out")[0].without([4])) <= 1.0


def test_a_restored_scan_can_be_restored_again(tmp_path):
    write_it(restored_series(tmp_path / "in"), tmp_path / "first")
    (tmp_path / "first" / "0009.dcm").unlink()
    (scan,) = load(tmp_path / "first")
    assert scan.missing == (8,)
    images = write_it(filled(scan), tmp_path / "second")
    assert [n for n, image in enumerate(images) if image.SyntheticData == "YES"] == [4, 5, 8]
    assert len(images[4].SourceImageSequence) == 1
    assert "which is synthetic" in images[4].DerivationDescription


def test_slices_filled_over_say_so(tmp_path):
    save(make_series(), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(filled(scan.without([6])), tmp_path / "out")
    assert images[6].SyntheticData == "YES"
    assert len(images[6].SourceImageSequence) == 2


def test_a_gap_that_is_not_filled_stays_a_gap_in_the_numbers(tmp_path):
    save(without(make_series(), 4, 5), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(scan, tmp_path / "out")
    assert [int(image.InstanceNumber) for image in images] == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]
    assert load(tmp_path / "out")[0].missing == (4, 5)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("modality", ["ct", "mr"])
def test_virtual_scan_lies_where_it_should(tmp_path, modality, axis):
    scan = virtual_scan(modality, axis=axis)
    images = write_it(scan, tmp_path / "out")
    assert {image.SyntheticData for image in images} == {"YES"}
    assert str(images[0].PatientName).startswith("Synthetic^")
    assert "SourceImageSequence" not in images[0]
    image, values = read_by_itk(tmp_path / "out")
    index = np.stack(np.meshgrid(*map(np.arange, values.shape), indexing="ij"), axis=-1)
    affine = itk_affine_lps(image)
    expected = world_value(index @ affine[:3, :3].T + affine[:3, 3])
    assert np.abs(values - expected).max() <= float(images[0].RescaleSlope)


def test_a_corrected_volume_is_a_person_still_and_says_what_was_done(tmp_path):
    images = write_it(virtual_scan("mr"), tmp_path / "out", derived=("denoise", "bias_field"))
    for image in images:
        codes = [code.CodeValue for code in image.DerivationCodeSequence]
        assert codes == ["DENOISED", "BIASFIELD"]
        (tool,) = image.ContributingEquipmentSequence
        assert tool.PurposeOfReferenceCodeSequence[0].CodeMeaning == "Processing Equipment"
        assert image.SyntheticData == "YES"  # no value of it was measured
        assert (image.PatientName, image.PatientPosition) == ("Anonymous", "")


def test_images_are_turned_the_way_they_are_looked_at(tmp_path):
    (image, *_) = write_it(virtual_scan(axis=2), tmp_path / "out")
    assert [float(v) for v in image.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int32", "int8"])
def test_whole_numbers_that_fit_16_bits_are_not_quantised(tmp_path, dtype):
    values = np.rint(world_volume(oblique_affine())).astype(int)
    values = values // 10 if dtype == "int8" else values
    stored = np.maximum(values, 0 if dtype == "uint16" else -128).astype(dtype)
    stored[:, :, 5] = 0
    file = write(tmp_path / "scan.nii", stored, oblique_affine())
    (scan,) = load(file, axis=2, modality="mr")
    images = write_it(filled(scan), tmp_path / "out")
    assert str(images[0].PatientName) == "Anonymous"
    assert [image.SyntheticData for image in images].count("YES") == 1
    assert {float(image.get("RescaleSlope", 1)) for image in images} == {1.0}


def test_floats_are_quantised_to_half_a_step(tmp_path):
    scan = measured(virtual_scan("mr", "float32"), 3)
    images = write_it(scan, tmp_path / "out")
    step = float(images[0].RescaleSlope)
    assert step < np.ptp(scan.values) / 65000
    _, values = read_by_itk(tmp_path / "out")
    assert np.abs(np.sort(values.ravel()) - np.sort(scan.values.ravel())).max() <= 0.51 * step


@pytest.mark.parametrize("is_whole", [False, True])
def test_voxels_that_are_no_numbers_are_marked_and_come_back_as_padding(tmp_path, is_whole):
    scan = measured(virtual_scan("ct", "float32"), 3)
    stored = np.rint(scan.stored) if is_whole else scan.stored.copy()
    stored[:2, 0, 0], stored[5, 5, 4] = [np.nan, np.inf], -np.inf
    scan = replace(scan, stored=stored)
    images = write_it(scan, tmp_path / "out")
    wanted = "SS" if images[0].PixelRepresentation else "US"
    assert {image["PixelPaddingValue"].VR for image in images} == {wanted}
    (back,) = load(tmp_path / "out")
    assert int((back.stored == back.padding).sum()) == 3
    values = back.values[back.stored != back.padding]
    assert values.min() == pytest.approx(stored[np.isfinite(stored)].min(), abs=0.51)


def test_skewed_volume_is_refused(tmp_path):
    affine = oblique_affine()
    affine[:3, 0] += 0.2 * affine[:3, 1]
    file = write(tmp_path / "scan.nii", world_volume(affine).astype("f4"), affine, qform=0)
    (scan,) = load(file, axis=2)
    with pytest.raises(SeriesError, match="right angles"):
        write_it(scan, tmp_path / "out")
    assert not list(tmp_path.rglob("*.dcm"))


def test_blank_identifiers_are_generated(tmp_path):
    datasets = make_series()
    for dataset in datasets:
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
            setattr(dataset, keyword, "")
    save(without(datasets, 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(filled(scan), tmp_path / "out")
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID"):
        (uid,) = {str(image[keyword].value) for image in images}
        assert uid.startswith("2.25.")


def test_faulty_lossy_history_is_passed_on_to_every_slice(tmp_path):
    datasets = make_series()
    datasets[2].LossyImageCompression = "01"
    save(without(datasets, 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(filled(scan), tmp_path / "out")
    assert {image.LossyImageCompression for image in images} == {"01"}


def test_character_set_travels_with_the_name(tmp_path):
    datasets = make_series()
    for dataset in datasets:
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.PatientName = "Ångström^Çelik"
        dataset.ImageOrientationPatient = texts([1, 0, 0, 0, 1, 0])
    save(without(datasets, 4), tmp_path / "in")
    (scan,) = load(tmp_path / "in")
    images = write_it(filled(scan), tmp_path / "out")
    assert {str(image.PatientName) for image in images} == {"Ångström^Çelik"}


def test_full_disk_leaves_no_file_and_one_clear_error(tmp_path, monkeypatch):
    scan = restored_series(tmp_path / "in")
    calls = []

    def fail(handle: int) -> None:
        calls.append(handle)
        if len(calls) > 4:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(WriteError, match="No space left"):
        write_dicom(scan, tmp_path / "out", Order("x", "y"))
    assert [path for path in (tmp_path / "out").rglob("*") if path.is_file()] == []


def test_older_slices_of_ours_are_replaced_and_foreign_ones_never(tmp_path):
    scan = restored_series(tmp_path / "in")
    write_it(scan, tmp_path / "out")
    shorter = restored_series(tmp_path / "in2", n=9)
    assert len(write_it(shorter, tmp_path / "out")) == 9
    assert len(list((tmp_path / "out").iterdir())) == 9
    save(make_series(), tmp_path / "theirs", [f"{n:04d}.dcm" for n in range(1, 13)])
    before = [file.read_bytes() for file in sorted((tmp_path / "theirs").iterdir())]
    with pytest.raises(WriteError, match="did not write"):
        write_it(scan, tmp_path / "theirs")
    assert before == [file.read_bytes() for file in sorted((tmp_path / "theirs").iterdir())]


def test_nothing_to_write_is_a_usage_error(tmp_path):
    scan = virtual_scan()
    empty = scan.without(range(scan.n_positions))
    with pytest.raises(UsageError):
        write_dicom(empty, tmp_path / "out", Order("x", "y"))
