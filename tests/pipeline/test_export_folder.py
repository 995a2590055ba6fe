"""`export_folder`: every scan as read, in every format, with its gaps held open and named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import highdicom as hd
import nibabel as nib
import numpy as np
import pydicom
import pytest
import SimpleITK

from medgan.errors import ConfigError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline
from medgan.pipeline.stage import Context, Volume, Work
from medgan.pipeline.stages.export import ExportSettings, run
from medgan.record import ScanRecord
from medgan.scans import Order, discover, load, write_dicom, write_segmentation
from tests.cli.small_scans import values, write_scan
from tests.scans.linear_world import STEP, TILTED, linear, save_linear
from tests.scans.restored import restored_series, virtual_scan
from tests.scans.series import make_series, save, score, without

COVERS = ("export_words", "export_places", "export_prepare", "export_labels", "export_bids")


def export(source: Path, out: Path, formats: str = "nifti", *overrides: str) -> RunSummary:
    settings = [f"export.formats=[{formats}]", *overrides]
    return run_pipeline("export_folder", source, out, settings, RunOptions(workers=0))


def read(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """A CT of 12 slices of which two are missing."""
    save(without(make_series(), 4, 5), tmp_path / "in" / "ct")
    return tmp_path / "in"


# Gaps


def test_a_gap_is_held_open_below_every_measured_value(series: Path, tmp_path: Path) -> None:
    (record,) = export(series, tmp_path / "out").records
    assert record.status == "copied"
    assert record.missing == (4, 5)
    image, mask, sidecar = (tmp_path / "out" / name for name in record.outputs)
    world = read(image)
    gap, rest = world[..., [4, 5]], np.delete(world, [4, 5], axis=2)
    assert np.unique(gap).size == 1
    assert gap.max() < rest.min()
    marked = read(mask)
    assert np.flatnonzero(marked.any(axis=(0, 1))).tolist() == [4, 5]
    assert marked[..., [4, 5]].all()
    (note,) = [n for n in json.loads(sidecar.read_text())["notes"] if "not measured" in n]
    assert f"the constant value {gap.max():.6g} there (one step below every measured" in note
    assert len(record.measured_hashes) == 10
    (again,) = discover(image).images
    assert again.missing == (4, 5)


def test_every_measured_voxel_holds_the_world(series: Path, tmp_path: Path) -> None:
    (record,) = export(series, tmp_path / "out").records
    (scan,) = load(tmp_path / "out" / record.outputs[0])
    assert scan.missing == (4, 5)
    assert score(scan) <= 0.5


def test_in_dicom_a_gap_is_a_position_without_a_file(series: Path, tmp_path: Path) -> None:
    (record,) = export(series, tmp_path / "out", "dicom").records
    files = sorted((tmp_path / "out").rglob("*.dcm"))
    numbers = [int(pydicom.dcmread(file).InstanceNumber) for file in files]
    assert numbers == [1, 2, 3, 4, 7, 8, 9, 10, 11, 12]
    said = pydicom.dcmread(files[0])
    assert "copy of a scan with 2 slices missing" in said.DerivationDescription
    assert said.SyntheticData == "NO"
    assert any("no file was written" in note for note in record.notes)
    (again,) = discover(tmp_path / "out" / files[0].parent.relative_to(tmp_path / "out")).images
    assert again.missing == (4, 5)


def test_a_gap_of_a_volume_file_stays_as_it_was(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8, 9))
    export(source.parent, tmp_path / "out")
    assert np.array_equal(read(tmp_path / "out" / "a.nii.gz"), read(source))
    assert read(tmp_path / "out" / "a_missing_mask.nii.gz").sum() == 2 * 24 * 22


def test_strict_refuses_scans_with_gaps_and_writes_the_others(series: Path, tmp_path: Path) -> None:
    write_scan(series / "whole.nii.gz")
    summary = export(series, tmp_path / "out", "nifti", "export.strict=true")
    assert summary.exit_code == 3
    (failed,) = summary.failed
    assert failed.failure is not None
    assert failed.failure.what == "2 slices are missing, at positions 4, 5"
    assert sorted(p.name for p in (tmp_path / "out").rglob("*.nii.gz")) == ["whole.nii.gz"]


# Formats


def test_a_volume_file_becomes_a_series_that_other_programs_read(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz")
    export(tmp_path / "in", tmp_path / "out", "dicom", "index.axis=2")
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path / "out" / "a")))
    image = reader.Execute()
    truth = SimpleITK.ReadImage(str(tmp_path / "in" / "a.nii.gz"))
    for index in [(0, 0, 0), (5, 7, 3), (23, 21, 19)]:
        point = truth.TransformIndexToPhysicalPoint(index)
        assert image.GetPixel(image.TransformPhysicalPointToIndex(point)) == truth.GetPixel(index)


def test_a_4d_file_is_one_output(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "bold.nii.gz", n_volumes=3)
    summary = export(source.parent, tmp_path / "out")
    assert summary.exit_code == 0
    assert np.array_equal(read(tmp_path / "out" / "bold.nii.gz"), read(source))


def test_clashing_formats_are_refused(tmp_path: Path) -> None:
    scan = virtual_scan()
    work = Work("a", (Volume(scan, scan, ScanRecord("a", "complete")),))
    with pytest.raises(ConfigError, match="nnunet"):
        run(work, ExportSettings(formats=("nnunet",)), Context(None, tmp_path), None)
    for assignment in ("export.formats=[bids, nifti]", "export.formats=[nnunet, bids]"):
        with pytest.raises(ConfigError, match="BIDS tree holds no other files"):
            run_pipeline("export_folder", tmp_path, tmp_path / "out", [assignment])
    assert not (tmp_path / "out").exists()


def test_the_same_twice_is_the_same_bytes(series: Path, tmp_path: Path) -> None:
    trees = []
    for name in ("one", "two"):
        export(series, tmp_path / name, "bids")
        files = (p for p in (tmp_path / name).rglob("*") if p.is_file())
        kept = [p for p in files if ".medgan" not in p.parts]
        trees.append({p.relative_to(tmp_path / name): p.read_bytes() for p in kept})
    assert trees[0] == trees[1]


# Label maps


def labels_of(folder: Path, name: str, affine: np.ndarray | None = None) -> np.ndarray:
    label = (values((24, 22, 20)) > 400).astype(np.float32) * 3
    spacing = np.diag([1.0, 1.0, 2.0, 1.0]) if affine is None else affine
    nib.save(nib.Nifti1Image(label, spacing), folder / name)
    return label


def test_label_maps_become_labels_in_the_smallest_type(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz")
    label = labels_of(tmp_path / "in", "a_seg.nii.gz")
    summary = export(tmp_path / "in", tmp_path / "out")
    assert [record.status for record in summary.records] == ["copied", "copied"]
    written = nib.load(tmp_path / "out" / "a_seg.nii.gz")
    assert written.get_data_dtype() == np.uint8
    assert np.array_equal(np.asarray(written.dataobj), label)


def test_label_maps_become_segmentations_of_the_series_written_beside(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz")
    label = labels_of(tmp_path / "in", "a_seg.nii.gz")
    summary = export(tmp_path / "in", tmp_path / "out", "dicom", "index.axis=2")
    assert summary.exit_code == 0
    segmentation = hd.seg.segread(tmp_path / "out" / "a_seg.dcm")
    series = [pydicom.dcmread(file) for file in sorted((tmp_path / "out" / "a").glob("*.dcm"))]
    assert segmentation.FrameOfReferenceUID == series[0].FrameOfReferenceUID
    known = {one.SOPInstanceUID for one in series}
    referred = segmentation.ReferencedSeriesSequence[0].ReferencedInstanceSequence
    assert {item.ReferencedSOPInstanceUID for item in referred} == known
    frames = segmentation.get_pixels_by_source_instance([one.SOPInstanceUID for one in series])
    assert frames.sum() == np.count_nonzero(label)
    (back,) = [f for f in discover(tmp_path / "out").scans if f.kind == "label"]
    (scan,) = [s for s in load(tmp_path / "out" / "a_seg.dcm") if s.id == back.id]
    world = np.argwhere(scan.stored) @ scan.affine[:3, :3].T + scan.affine[:3, 3]
    meant = np.argwhere(label) * [1.0, 1.0, 2.0]
    assert np.allclose(np.sort(world, axis=0), np.sort(meant, axis=0), atol=1e-3)


def test_a_label_map_alone_becomes_a_segmentation_that_refers_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    labels_of(tmp_path / "in", "liver_seg.nii.gz")
    summary = export(tmp_path / "in", tmp_path / "out", "dicom")
    assert summary.exit_code == 0
    dataset = pydicom.dcmread(tmp_path / "out" / "liver_seg.dcm")
    assert "ReferencedSeriesSequence" not in dataset
    assert any("no image of this label map" in note for note in summary.records[0].notes)


def test_a_dicom_segmentation_keeps_its_names(tmp_path: Path) -> None:
    scan = restored_series(tmp_path / "first")
    files = write_dicom(scan, tmp_path / "in", Order("x", "y"))
    labels = (scan.values > 100).astype(np.uint8)
    write_segmentation(labels, scan.grid, {1: "liver"}, files, tmp_path / "in" / "seg.dcm")
    summary = export(tmp_path / "in", tmp_path / "out", "dicom")
    assert summary.exit_code == 0, summary.failed
    (file,) = (tmp_path / "out").glob("*.dcm")
    assert pydicom.dcmread(file).SegmentSequence[0].SegmentLabel == "liver"
    shutil.move(tmp_path / "in" / "seg.dcm", tmp_path / "alone.dcm")
    alone = export(tmp_path / "alone.dcm", tmp_path / "out2", "dicom")
    assert alone.exit_code == 1
    assert "is not there" in str(alone.failed[0].failure)
    nifti = export(tmp_path / "alone.dcm", tmp_path / "out3", "nifti")
    (image,) = (tmp_path / "out3").glob("*.nii.gz")
    assert nifti.exit_code == 0
    assert read(image).sum() == labels.sum()


def test_a_restored_scan_is_exported_with_the_mask_of_what_was_made(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    restored = tmp_path / "restored"
    run_pipeline("restore_folder", source, restored, ["restore.model=none"], RunOptions(workers=0))
    summary = export(restored, tmp_path / "out")
    assert summary.exit_code == 0, summary.failed
    assert read(tmp_path / "out" / "a_mask.nii.gz")[..., 8].all()
    (again,) = [f for f in discover(tmp_path / "out").images if f.id == "a"]
    assert any("1 slices were made by medgan" in note for note in again.notes)


# Tilt


def test_a_tilted_stack_needs_a_decision(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in")
    summary = export(source, tmp_path / "out")
    assert summary.exit_code == 1
    assert "tilted" in str(summary.failed[0].failure)
    assert export(source, tmp_path / "kept", "dicom").exit_code == 0


def test_sheared_keeps_every_value(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in")
    export(source, tmp_path / "out", "nifti", "export.sheared=true")
    (file,) = (tmp_path / "out").glob("*.nii.gz")
    image = nib.load(file)
    index = np.argwhere(np.ones(image.shape))
    world = nib.affines.apply_affine(image.affine, index) * [-1, -1, 1]
    assert np.abs(image.get_fdata().ravel() - linear(world)).max() <= STEP / 2 + 1e-9


def test_resampled_values_are_derived_and_say_so(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in", lost=(4,))
    (record,) = export(source, tmp_path / "out", "nifti", "export.resample=true").records
    image = nib.load(tmp_path / "out" / record.outputs[0])
    assert nib.affines.obliquity(image.affine).max() < 1e-6
    stored = image.get_fdata()
    world = nib.affines.apply_affine(image.affine, np.argwhere(np.ones(image.shape)))
    error = np.abs(stored.ravel() - linear(world * [-1, -1, 1])).reshape(image.shape)
    inside = stored > stored.min()  # beside the slices, and in the gap
    assert error[inside].max() <= STEP
    assert inside.mean() > 0.5
    assert not inside[..., 4].any()
    assert record.measured_hashes == {}
    assert record.resampled
    assert any("none is as it was measured" in note for note in record.notes)
    assert b"resampled" in bytes(image.header["descrip"])


def test_a_resampled_scan_is_not_called_as_read_in_a_bids_tree(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in", lost=(4,))
    summary = export(source, tmp_path / "out", "bids", "export.resample=true")
    assert summary.exit_code == 0, summary.failed
    names = {p.name.partition("_res")[2] for p in (tmp_path / "out").rglob("*.json")} - {""}
    assert names == {
        "-straight_desc-resampled_ct.json",
        "-straight_desc-missing_mask.json",
    }
    for file in (tmp_path / "out").rglob("*_res-*.json"):
        assert "none is as it was measured" in json.loads(file.read_text())["Resolution"]


def test_dicom_keeps_a_tilted_stack_whatever_is_asked(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in")
    summary = export(source, tmp_path / "out", "dicom,nifti", "export.resample=true")
    assert summary.exit_code == 1
    assert "as it was measured" in str(summary.failed[0].failure)


def test_a_restored_tilted_stack_can_be_straightened(tmp_path: Path) -> None:
    source = save_linear(tmp_path / "in", lost=(4,), series=TILTED)
    overrides = ["restore.model=none", "export.formats=[nifti]", "export.resample=true"]
    out = tmp_path / "out"
    summary = run_pipeline("restore_folder", source, out, overrides, RunOptions(workers=0))
    assert summary.exit_code == 0, summary.failed
    (record,) = summary.records
    assert [made.position for made in record.filled] == [4]
    assert record.measured_hashes == {}
    assert read(out / record.outputs[1])[..., 4].all()


# BIDS


def test_a_bids_tree_keeps_names_and_says_where_things_came_from(tmp_path: Path) -> None:
    folder = tmp_path / "in" / "sub-01" / "anat"
    source = write_scan(folder / "sub-01_T1w.nii.gz", gaps=(8,))
    (folder / "sub-01_T1w.json").write_text('{"EchoTime": 0.004, "PatientName": "x"}')
    labels_of(folder, "sub-01_dseg.nii.gz")
    out = tmp_path / "out"
    summary = export(tmp_path / "in", out, "bids")
    assert summary.exit_code == 0
    names = sorted(p.name for p in (out / "sub-01" / "anat").iterdir() if p.suffix == ".gz")
    assert names == [
        "sub-01_acq-T1w_desc-missing_mask.nii.gz",
        "sub-01_desc-asread_T1w.nii.gz",
        "sub-01_desc-asread_dseg.nii.gz",
    ]
    written = out / "sub-01" / "anat" / names[1]
    assert np.array_equal(read(written), read(source))
    sidecar = json.loads(written.with_name("sub-01_desc-asread_T1w.json").read_text())
    assert sidecar["Sources"] == ["bids:source:sub-01/anat/sub-01_T1w.nii.gz"]
    assert sidecar["EchoTime"] == 0.004
    assert "PatientName" not in sidecar
    assert sidecar["medgan"]["missing"] == [8]
    assert json.loads((out / "dataset_description.json").read_text())["DatasetType"] == "derivative"
    tops = {p.name for p in out.iterdir()}
    assert tops == {
        *(".bidsignore", ".medgan", "README", "dataset_description.json", "sub-01"),
    }
    texts = [p.read_text() for p in out.rglob("*.json") if ".medgan" not in p.parts]
    assert not [text for text in texts if str(tmp_path) in text]


def test_a_restored_folder_can_be_a_bids_tree_and_be_scored(tmp_path: Path) -> None:
    from medgan.assessment.restored import judge_restored

    name = Path("sub-02") / "anat" / "sub-02_T1w.nii.gz"
    write_scan(tmp_path / "in" / name, gaps=(8,))
    write_scan(tmp_path / "truth" / name)
    overrides = ["restore.model=none", "export.formats=[bids]"]
    out = tmp_path / "out"
    options = RunOptions(workers=0)
    assert run_pipeline("restore_folder", tmp_path / "in", out, overrides, options).exit_code == 0
    anat = out / "sub-02" / "anat"
    assert read(anat / "sub-02_acq-T1w_desc-estimated_mask.nii.gz")[..., 8].all()
    assert (anat / "sub-02_desc-restored_T1w.nii.gz").is_file()
    scores = judge_restored(tmp_path / "truth", out, lambda text: None).scores
    assert scores[0].method == "restored"
    (again,) = discover(out).images
    assert any("1 slices were made by medgan" in note for note in again.notes)
    (record,) = [r for r in export(out, tmp_path / "flat").records if r.status == "copied"]
    assert any(name.endswith("_mask.nii.gz") for name in record.outputs)


def test_labels_in_slices_that_the_image_does_not_have_are_told(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    label = labels_of(tmp_path / "in", "a_seg.nii.gz")
    lost = int(np.count_nonzero(label[..., 8]))
    summary = export(tmp_path / "in", tmp_path / "out", "dicom")
    assert summary.exit_code == 0, summary.failed
    (record,) = [record for record in summary.records if record.id == "a_seg"]
    assert f"{lost} labelled voxels lie in slices that its image does not have" in record.notes


# Values that DICOM cannot hold as they are


def test_what_floats_become_in_dicom_is_told_in_the_sidecar(tmp_path: Path) -> None:
    array = values((20, 20, 12)).astype(np.float32) / 7
    array[0, 0, :3] = np.nan
    (tmp_path / "in").mkdir()
    nib.save(nib.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), tmp_path / "in" / "a.nii.gz")
    assert export(tmp_path / "in", tmp_path / "out", "dicom").exit_code == 0
    notes = json.loads((tmp_path / "out" / "a.json").read_text())["notes"]
    image = pydicom.dcmread(next((tmp_path / "out" / "a").glob("*.dcm")))
    assert any(f"in steps of {image.RescaleSlope}" in note for note in notes)
    assert any("3 voxels that are no numbers" in note for note in notes)
    (back,) = load(tmp_path / "out" / "a")
    assert int((back.stored == back.padding).sum()) == 3
    export(tmp_path / "in", tmp_path / "nifti", "nifti")
    notes = json.loads((tmp_path / "nifti" / "a.json").read_text())["notes"]
    assert not any("DICOM" in note for note in notes)


def test_one_voxel_that_would_cost_all_others_their_values_is_refused(tmp_path: Path) -> None:
    array = values((20, 20, 12)).astype(np.float32) / 7
    array[3, 3, 3] = 1e30
    (tmp_path / "in").mkdir()
    nib.save(nib.Nifti1Image(array, np.diag([1.0, 1.0, 2.0, 1.0])), tmp_path / "in" / "a.nii.gz")
    (failed,) = export(tmp_path / "in", tmp_path / "out", "dicom").failed
    assert failed.failure is not None
    assert "next to nothing would be left" in failed.failure.what
    assert "--format nifti" in failed.failure.hint
    assert not list((tmp_path / "out").rglob("*.dcm"))
