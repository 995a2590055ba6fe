"""Export: what is written is read by other programs as what was made, and says what it is."""

import csv
import hashlib
import json
import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK

from medgan.data import index_cases
from medgan.data.survey import survey
from medgan.errors import UsageError
from medgan.scans.validate_folder import validate_folder
from medgan.synthesis import synthesize
from medgan.synthesis.export import check_formats, export_case, write_manifest

COVERS = ("nnunet",)

ALL = ("nifti", "dicom", "nnunet")


@pytest.fixture(scope="module")
def exported(make_model, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    model = make_model()
    cases = list(synthesize(model, 3, seed=0))
    records = [export_case(case, out, ALL, model.info) for case in cases]
    write_manifest(records, out, ALL, model.info)
    return out, cases, records


def digest(folder):
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    return {
        p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }


def nnunet_name(case):
    return f"case_{case.index + 1:04d}"


def test_every_file_is_where_the_layout_says(exported):
    out, cases, records = exported
    for case, record in zip(cases, records, strict=True):
        expected = {
            f"{case.id}.nii.gz",
            f"{case.id}_label.nii.gz",
            f"imagesTr/{nnunet_name(case)}_0000.nii.gz",
            f"labelsTr/{nnunet_name(case)}.nii.gz",
            f"dicom/{case.id}_seg.dcm",
            f"{case.id}.json",
        }
        slices = {path for path in record.outputs if path.startswith(f"dicom/{case.id}/")}
        assert set(record.outputs) == expected | slices
        assert len(slices) == case.image.n_positions
        assert all((out / path).is_file() for path in record.outputs)
    assert set(digest(out)) == {p for r in records for p in r.outputs} | {
        "manifest.csv",
        "dataset.json",
    }


def test_nifti_is_read_by_nibabel_as_what_was_made(exported):
    out, cases, _ = exported
    for case in cases:
        for path in (f"{case.id}.nii.gz", f"imagesTr/{nnunet_name(case)}_0000.nii.gz"):
            image = nib.load(out / path)
            np.testing.assert_allclose(image.affine, case.image.affine)
            np.testing.assert_allclose(image.get_fdata(), case.image.values)
            assert b"synthetic" in bytes(image.header["descrip"])
        label = nib.load(out / f"{case.id}_label.nii.gz")
        np.testing.assert_array_equal(label.get_fdata(), case.labels)
        assert set(np.unique(label.get_fdata())) <= {0, 2, 5}


def test_dicom_is_read_by_simpleitk_with_the_right_geometry(exported):
    out, cases, _ = exported
    for case in cases:
        folder = out / "dicom" / case.id
        reader = SimpleITK.ImageSeriesReader()
        (series,) = reader.GetGDCMSeriesIDs(str(folder))
        reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series))
        image = reader.Execute()
        array = SimpleITK.GetArrayFromImage(image)  # (k, j, i)
        # Every voxel, at the place ITK gives it, has the value of the case there.
        to_index = np.linalg.inv(case.image.affine)
        rng = np.random.default_rng(0)
        for _ in range(200):
            index = [int(rng.integers(n)) for n in image.GetSize()]
            lps = np.array(image.TransformIndexToPhysicalPoint(index))
            i, j, k = np.rint((to_index @ [*(lps * [-1, -1, 1]), 1])[:3]).astype(int)
            back = case.image.affine @ [i, j, k, 1]
            np.testing.assert_allclose(back[:3], lps * [-1, -1, 1], atol=1e-3)
            expected = case.image.values[i, j, k]
            assert array[index[2], index[1], index[0]] == pytest.approx(expected, abs=0.51)


def test_every_dicom_slice_says_that_it_is_synthetic(exported):
    out, cases, _ = exported
    uids = set()
    for case in cases:
        for path in sorted((out / "dicom" / case.id).glob("*.dcm")):
            header = pydicom.dcmread(path, stop_before_pixels=True)
            assert header.SyntheticData == "YES"
            assert "not for diagnosis" in header.DerivationDescription
            uids.add(header.SOPInstanceUID)
    assert len(uids) == sum(case.image.n_positions for case in cases)


def test_segmentation_refers_to_its_series(exported):
    out, cases, _ = exported
    for case in cases:
        segmentation = pydicom.dcmread(out / "dicom" / f"{case.id}_seg.dcm")
        assert segmentation.Modality == "SEG"
        names = {segment.SegmentLabel for segment in segmentation.SegmentSequence}
        assert names <= {"anterior", "posterior"}
        first = pydicom.dcmread(next((out / "dicom" / case.id).glob("*.dcm")))
        assert segmentation.FrameOfReferenceUID == first.FrameOfReferenceUID


def test_nnunet_finds_what_it_wants(exported):
    out, cases, _ = exported
    description = json.loads((out / "dataset.json").read_text())
    assert description["channel_names"] == {"0": "MR"}
    assert description["labels"] == {"background": 0, "anterior": 1, "posterior": 2}
    assert description["numTraining"] == len(description["dataset"]) == 3
    for case in cases:
        assert description["dataset"][nnunet_name(case)] == {
            "images": [f"imagesTr/{nnunet_name(case)}_0000.nii.gz"],
            "label": f"labelsTr/{nnunet_name(case)}.nii.gz",
        }
        image = nib.load(out / "imagesTr" / f"{nnunet_name(case)}_0000.nii.gz")
        label = nib.load(out / "labelsTr" / f"{nnunet_name(case)}.nii.gz")
        np.testing.assert_array_equal(image.affine, label.affine)
        renumbered = np.select([case.labels == 2, case.labels == 5], [1, 2], 0)
        np.testing.assert_array_equal(label.get_fdata(), renumbered)


def test_manifest_tells_virtual_cases_apart(exported):
    out, cases, _ = exported
    with (out / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["id"] for row in rows] == [case.id for case in cases]
    assert {row["synthetic"] for row in rows} == {"1"}
    assert rows[0]["image"] == "imagesTr/case_0001_0000.nii.gz"
    assert rows[0]["label"] == "labelsTr/case_0001.nii.gz"
    assert rows[2]["index"] == "2"


def test_provenance_is_complete_and_names_nobody(exported):
    out, cases, _ = exported
    document = json.loads((out / "case_0002.json").read_text())
    assert document["status"] == "synthetic"
    assert document["model"] == {
        "name": "tiny",
        "sha256": "a" * 64,
        "licence": "",
        "seed": "0",
        "index": "1",
        "rejected": "0",
        "wanted": "",
    }
    assert "not for diagnosis" in document["disclaimer"]
    np.testing.assert_allclose(document["affine"], cases[1].image.affine)
    assert document["labels"]["5"] == {
        "name": "posterior",
        "voxels": int((cases[1].labels == 5).sum()),
    }
    assert document["outputs"] == sorted(document["outputs"], key=document["outputs"].index)


def test_same_cases_same_bytes(exported, make_model, tmp_path):
    out, _, _ = exported
    model = make_model()
    records = [export_case(c, tmp_path, ALL, model.info) for c in synthesize(model, 3, seed=0)]
    write_manifest(records, tmp_path, ALL, model.info)
    assert digest(tmp_path) == digest(out)


def test_nifti_layout_is_indexed_again_as_pairs(make_model, tmp_path):
    model = make_model()
    for case in synthesize(model, 2, seed=0):
        export_case(case, tmp_path, ["nifti"], model.info)
    cases = index_cases(tmp_path)
    assert [case.id for case in cases.pairs] == ["case_0001", "case_0002"]
    assert all(case.label is not None for case in cases.pairs)


def test_dicom_layout_is_indexed_again_as_pairs(exported):
    out, cases, _ = exported
    indexed = index_cases(out / "dicom")
    assert not indexed.unpaired
    assert [case.id for case in indexed.pairs] == [case.id for case in cases]
    seen = survey(indexed.pairs)
    assert not seen.unfit
    # Segments are numbered from 1.
    assert {look.label_values for look in seen.looks.values()} == {(1, 2)}


def test_nnunet_without_labels_is_refused(make_model):
    model = make_model(label_values=(), label_names={})
    with pytest.raises(UsageError, match="needs labels") as caught:
        check_formats(["nifti", "nnunet"], model.info)
    assert "nifti or dicom" in caught.value.hint
    check_formats(["nifti", "dicom"], model.info)


def test_without_labels_images_alone_are_written(make_model, tmp_path):
    model = make_model(label_values=(), label_names={})
    (case,) = synthesize(model, 1, seed=0)
    record = export_case(case, tmp_path, ["nifti", "dicom"], model.info)
    assert "case_0001.nii.gz" in record.outputs
    assert not any("label" in path or "seg" in path for path in record.outputs)


def test_validate_finds_virtual_cases_as_written_and_a_change_in_one(exported, tmp_path):
    out, _, records = exported
    checks = list(validate_folder(out))
    assert [check.faults for check in checks] == [()] * len(records)
    # NIfTI has no marks; each slice is one DICOM file.
    assert all(check.made == len(list(out.glob("dicom/case_0001/*.dcm"))) for check in checks)
    changed = shutil.copytree(out, tmp_path / "out")
    file = sorted((changed / "dicom" / records[0].id).glob("*.dcm"))[0]
    image = pydicom.dcmread(file)
    image.SyntheticData = "NO"
    image.save_as(file)
    (check, *others) = validate_folder(changed)
    assert any("(0008,001C) is NO, YES meant" in fault for fault in check.faults)
    assert not any(other.faults for other in others)
