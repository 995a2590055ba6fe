"""`medgan validate`: what it says, and how it ends."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from medgan.pipeline.written import source_root
from medgan.scans.dciodvfy import is_installed
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan
from tests.scans.series import make_series, save, without

INLINE = ("--workers", 0)


@pytest.fixture
def made(medgan: Run, tmp_path: Path) -> Path:
    """A restored CT and a restored NIfTI file in `out`, their sources in `in`."""
    save(without(make_series(), 4), tmp_path / "in" / "ct")
    write_scan(tmp_path / "in" / "mr.nii.gz", gaps=(8, 9), n_volumes=2)
    words = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--format", "nifti,dicom")
    assert medgan(*words, "--model", "none", *INLINE).exit_code == 0
    return tmp_path / "out"


def test_all_well_is_one_line_a_scan_and_exit_0(medgan: Run, made: Path) -> None:
    result = medgan("validate", made)
    assert result.exit_code == 0, result.output
    assert "22 measured slices compared  2 made ones marked  source compared" in result.stdout
    assert "mr_v001" in result.stdout
    assert "3 scans, 0 not as they were written" in result.stdout
    if is_installed():
        assert "dciodvfy on 2 files" in result.stdout


def test_every_fault_is_named_and_exit_3(medgan: Run, made: Path) -> None:
    (made / "mr.nii.gz").write_bytes(b"x")
    (made / "ct" / "4_test_stack" / "0002.dcm").unlink()
    result = medgan("validate", made)
    assert result.exit_code == 3
    assert "ct/4_test_stack/0002.dcm: is missing" in result.stdout
    assert "mr.nii.gz: was changed since it was written" in result.stdout
    assert "3 scans, 3 not as they were written" in result.stdout


def test_a_program_gets_one_document(medgan: Run, made: Path) -> None:
    result = medgan("validate", made, "--json")
    document = json.loads(result.stdout)
    assert document["exit_code"] == 0
    assert [scan["is_compared"] for scan in document["scans"]] == [True] * 3


def test_without_its_source_it_is_compared_with_its_sidecar_alone(medgan: Run, made: Path) -> None:
    source = made.parent / "in"
    moved = shutil.move(source, made.parent / "moved")
    alone = medgan("validate", made, "-v")
    assert alone.exit_code == 0
    assert "note: its source is not at hand (--source)" in alone.stdout
    named = medgan("validate", made, "--source", moved)
    assert named.stdout.count("source compared") == 3
    assert medgan("validate", made, "--source", source).exit_code == 2
    wrong = medgan("validate", made, "--source", made / "mr.nii.gz")
    assert wrong.exit_code == 3
    assert "its source was not found" in wrong.stdout


def test_a_sidecar_of_each_volume_has_the_hashes_of_all_files(made: Path) -> None:
    document = json.loads((made / "mr_v000.json").read_text())
    assert document["volume"] == 0
    assert document["output_hashes"].keys() == set(document["outputs"]) - {
        "mr_v000.json",
        "mr_v001.json",
    }


@pytest.mark.parametrize("name", ["none", "empty"])
def test_nothing_to_validate_is_exit_1(medgan: Run, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    result = medgan("validate", tmp_path / name)
    assert result.exit_code == 1
    assert "nothing to validate" in result.stderr


def test_where_a_scan_was_read_is_known_to_the_folder_alone(made: Path) -> None:
    assert source_root(made, ("mr.nii.gz",)) == made.parent / "in"
    assert source_root(made, ()) is None
    assert source_root(made, ("file-0123456789ab",)) is None


def test_deidentified_outputs_are_validated_by_content(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MEDGAN_SALT", raising=False)
    save(without(make_series(), 4), tmp_path / "in" / "Smith")
    words = ("restore", tmp_path / "in", "-o", tmp_path / "out", "--deidentify", "--model", "none")
    made = medgan(*words, *INLINE)
    assert made.exit_code == 0, made.output
    assert f"lies in {tmp_path}/out.salt" in made.stdout.replace("\n", "")
    assert (tmp_path / "out.salt").is_file()
    result = medgan("validate", tmp_path / "out", "--source", tmp_path / "in")
    assert result.exit_code == 0, result.output
    assert "source compared" in result.stdout
    assert "Smith" not in result.output.replace(str(tmp_path), "")
