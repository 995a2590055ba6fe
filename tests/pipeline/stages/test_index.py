from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.errors import ReadError, UsageError
from medgan.pipeline.stage import Context, Done, Listed
from medgan.pipeline.stages.index import IndexSettings, list_scans, open_scan
from tests.cli.small_scans import values, write_scan


def index(path: Path, **settings: object) -> Listed:
    return list_scans(IndexSettings(**settings), Context(path, path.parent / "out"), Done())  # type: ignore[arg-type]


def test_scans_with_gaps_go_on_and_the_rest_is_named(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "gap.nii.gz", gaps=(8,))
    write_scan(tmp_path / "in" / "whole.nii.gz")
    label = (values((24, 22, 20)) > 400).astype(np.uint8)
    nib.save(nib.Nifti1Image(label, np.eye(4)), tmp_path / "in" / "whole_seg.nii.gz")
    (tmp_path / "in" / "bad.nii.gz").write_bytes(b"no NIfTI")
    (tmp_path / "in" / "notes.txt").write_text("x")
    listed = index(tmp_path / "in")
    assert [item.id for item in listed.items] == ["gap"]
    status = {record.id: record.status for record in listed.records}
    assert status == {"bad.nii.gz": "failed", "whole": "complete", "whole_seg": "complete"}
    (label_record,) = (r for r in listed.records if r.id == "whole_seg")
    assert label_record.notes[0] == "label map: listed, never filled"
    assert listed.notes == ({"files": ["notes.txt"], "reason": "no scan"},)


def test_all_images_go_on_when_asked_but_never_label_maps(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "whole.nii.gz")
    label = (values((24, 22, 20)) > 400).astype(np.uint8)
    nib.save(nib.Nifti1Image(label, np.eye(4)), tmp_path / "in" / "labels.nii.gz")
    assert [item.id for item in index(tmp_path / "in", take="all").items] == ["whole"]
    assert index(tmp_path / "in", take="none").items == ()


def test_a_4d_file_is_one_item_with_one_record_a_volume(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "bold.nii.gz", gaps=(8,), n_volumes=3)
    (item,) = index(tmp_path / "in").items
    assert item.id == "bold"
    assert [record.id for record in item.records] == ["bold_v000", "bold_v001", "bold_v002"]
    assert len(item.files) == 1
    (work,) = open_scan(item, IndexSettings(), Context(None, tmp_path), None)
    assert [volume.scan.missing for volume in work.volumes] == [(8,)] * 3


def test_a_4d_file_never_has_the_name_of_another_scan(tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "b.nii", gaps=(8,))
    write_scan(tmp_path / "in" / "b.nii.gz", gaps=(8,), n_volumes=2)
    assert sorted(item.id for item in index(tmp_path / "in").items) == ["b", "b_4d"]


def test_the_voxels_beside_a_detached_header_count_as_input(tmp_path: Path) -> None:
    import SimpleITK

    image = SimpleITK.GetImageFromArray(values((20, 22, 24)))
    (tmp_path / "in").mkdir()
    SimpleITK.WriteImage(image, str(tmp_path / "in" / "a.mhd"))
    (item,) = index(tmp_path / "in", take="all").items
    assert sorted(path.name for path in item.files) == ["a.mhd", "a.raw"]


def test_named_positions_are_missing_too_and_the_measured_rest_is_kept(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    settings = {"missing": (5, 8)}
    (item,) = index(source, **settings).items
    assert item.records[0].missing == (5, 8)
    assert item.facts["found"][0]["missing"] == [5, 8]
    (work,) = open_scan(item, IndexSettings(missing=(5, 8)), Context(None, tmp_path), None)
    (volume,) = work.volumes
    assert volume.scan.missing == (8,)
    assert volume.measured is not None
    assert volume.measured.missing == (5, 8)


@pytest.mark.parametrize("missing", [(0,), (19,), (30,)])
def test_positions_without_neighbours_are_refused(tmp_path: Path, missing: tuple[int, ...]) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz")
    with pytest.raises(UsageError, match="no measured slice on both sides") as caught:
        index(source, missing=missing)
    assert "between 1 and 18" in caught.value.hint


def test_nothing_readable_is_an_error_that_names_the_first_file(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.txt").write_text("x")
    (tmp_path / "in" / "b.dcm").write_text("x")
    with pytest.raises(ReadError, match=r"b\.dcm: .*; 1 more files"):
        index(tmp_path / "in")


def test_an_input_is_needed() -> None:
    with pytest.raises(UsageError, match="no input"):
        list_scans(IndexSettings(), Context(None, Path("out")), Done())


def test_the_modality_can_be_told(tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    (item,) = index(source, modality="ct").items
    assert item.records[0].modality == "ct"


def test_voxels_of_another_name_count_as_input_and_other_files_of_that_name_do_not(
    tmp_path: Path,
) -> None:
    import SimpleITK

    folder = tmp_path / "in"
    folder.mkdir()
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values((20, 22, 24))), str(folder / "a.mhd"))
    (folder / "a.raw").rename(folder / "voxels.bin")
    (folder / "a.mhd").write_text((folder / "a.mhd").read_text().replace("a.raw", "voxels.bin"))
    (folder / "a.txt").write_text("x")
    (item,) = index(folder, take="all").items
    assert sorted(path.name for path in item.files) == ["a.mhd", "voxels.bin"]
