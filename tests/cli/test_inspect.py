from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan


def test_it_prints_ruler_gaps_and_the_command_that_mends(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "deep" / "sub 1.nii.gz", gaps=(8, 9, 13))
    result = medgan("inspect", tmp_path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "deep/sub_1"
    assert lines[1] == ("  MR, nifti, 24 x 22 x 20 voxels, 1 x 1 x 2 mm, RAS, slices along axis 2")
    assert lines[2] == "  ||||||||..|||.||||||"
    assert lines[3] == "  missing: positions 8-9, 13"
    assert lines[4] == f"  mend it: medgan restore '{tmp_path}/deep/sub 1.nii.gz' -o restored"
    assert lines[-1] == "1 scans, 1 with slices missing"


def test_the_command_that_mends_has_the_options_it_was_found_with(
    medgan: Run, tmp_path: Path
) -> None:
    path = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    result = medgan("inspect", path, "--axis", 2, "--modality", "ct")
    command = next(line for line in result.stdout.splitlines() if "mend it" in line)
    assert command == f"  mend it: medgan restore {path} -o restored --axis 2 --modality ct"


def test_json_is_one_document_as_promised(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "bad.dcm").write_text("this is no DICOM")
    result = medgan("inspect", tmp_path, "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert set(document) == {"scans", "refused", "set_aside"}
    (scan,) = document["scans"]
    wanted = (
        "id format modality shape spacing_mm affine axis missing missing_instances n_files notes"
    )
    assert set(wanted.split()) <= set(scan)
    assert (scan["id"], scan["missing"], scan["axis"]) == ("a", [8], 2)
    assert document["refused"][0]["files"] == ["bad.dcm"]
    assert document["set_aside"] == [{"files": ["notes.txt"], "reason": "no scan"}]
    assert "bad.dcm" in result.stderr


def test_a_complete_scan_is_said_to_be(medgan: Run, tmp_path: Path) -> None:
    result = medgan("inspect", write_scan(tmp_path / "a.nii"))
    assert "  complete" in result.stdout.splitlines()


def test_quiet_says_nothing(medgan: Run, tmp_path: Path) -> None:
    assert medgan("inspect", write_scan(tmp_path / "a.nii"), "-q").output == ""


def test_an_empty_folder_is_exit_1_with_a_hint(medgan: Run, tmp_path: Path) -> None:
    result = medgan("inspect", tmp_path)
    assert result.exit_code == 1
    error, where, hint = result.stderr.splitlines()
    assert error == "error: the folder is empty"
    assert where == f"  where: {tmp_path}"
    assert hint.startswith("  try: ")


def test_nothing_readable_is_exit_1(medgan: Run, tmp_path: Path) -> None:
    (tmp_path / "bad.dcm").write_text("this is no DICOM")
    result = medgan("inspect", tmp_path)
    assert result.exit_code == 1
    assert "bad.dcm" in result.stdout


def test_what_only_was_set_aside_is_exit_1_with_a_message(medgan: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    result = medgan("inspect", tmp_path / "notes.txt")
    assert result.exit_code == 1
    assert "notes.txt: no scan" in result.stdout
    assert result.stderr.startswith("error: there is no scan here")
    assert json.loads(medgan("inspect", tmp_path, "--json").stdout)["scans"] == []


def test_names_are_printed_and_not_obeyed(medgan: Run, tmp_path: Path) -> None:
    (tmp_path / "red\x1b[31m\nline\u202ename.dcm").write_text("junk")
    result = medgan("inspect", tmp_path)
    assert r"red\x1b[31m\nline\u202ename.dcm: no DICOM file" in result.stdout
    (name,) = json.loads(medgan("inspect", tmp_path, "--json").stdout)["refused"][0]["files"]
    assert name == "red\x1b[31m\nline\u202ename.dcm"


def test_the_command_that_mends_is_printed_and_not_obeyed(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "a\x1b[31mb.nii.gz", gaps=(8,))
    result = medgan("inspect", tmp_path)
    assert "\x1b" not in result.output
    assert r"a\x1b[31mb.nii.gz' -o restored" in result.stdout


def test_a_name_that_is_no_text_is_printed(medgan: Run, tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xff.dcm")).write_text("junk")
    assert r"bad\udcff.dcm: no DICOM file" in medgan("inspect", tmp_path).stdout


def test_a_scan_in_an_archive_is_mended_by_the_path_that_was_named(
    medgan: Run, tmp_path: Path
) -> None:
    scan = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    archive = tmp_path / "in" / "scans.zip"
    archive.parent.mkdir()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(scan, "a.nii.gz")
    for named in (archive, archive.parent):
        assert f"medgan restore {named} -o restored" in medgan("inspect", named).stdout
