"""What a folder knows of its outputs and of where they came from."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.pipeline import RunOptions, run_pipeline
from medgan.pipeline.written import read_outputs, source_root
from medgan.record import ScanRecord
from medgan.scans.atomic import sha256_of
from tests.cli.small_scans import write_scan

COVERS = ("export_proof",)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    write_scan(tmp_path / "in" / "x" / "a.nii.gz", gaps=(8,), n_volumes=2)
    run(tmp_path)
    return tmp_path / "out"


def run(place: Path) -> None:
    settings = ["export.formats=[nifti]"]
    options = RunOptions(workers=0)
    run_pipeline("export_folder", place / "in", place / "out", settings, options)


def test_every_output_is_known_by_its_hash(out: Path) -> None:
    told = read_outputs(out)
    names = {p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file()}
    assert told.keys() == {name for name in names if not name.startswith(".medgan")}
    assert all(sha256_of(out / name) == sha256 for name, sha256 in told.items())


def test_only_the_last_outcome_of_a_scan_counts(out: Path) -> None:
    (out.parent / "in" / "x" / "a.nii.gz").unlink()
    write_scan(out.parent / "in" / "x" / "a.nii.gz", seed=8)
    run(out.parent)
    assert read_outputs(out).keys() == {"x/a.json", "x/a.nii.gz"}


def test_a_folder_without_a_ledger_knows_nothing(tmp_path: Path) -> None:
    assert read_outputs(tmp_path) == {}
    assert source_root(tmp_path, ("a.nii.gz",)) is None


def test_where_a_scan_was_read(out: Path) -> None:
    assert source_root(out, ("x/a.nii.gz",)) == out.parent / "in"
    assert source_root(out, ("y/a.nii.gz",)) is None
    (out.parent / "in" / "x" / "a.nii.gz").unlink()
    assert source_root(out, ("x/a.nii.gz",)) is None


def test_a_sidecar_says_what_was_written(out: Path) -> None:
    for number in (0, 1):
        document = json.loads((out / "x" / f"a_v00{number}.json").read_text())
        record = ScanRecord.from_json(document)
        image = nib.load(out / "x" / "a.nii.gz")
        assert record.volume == number
        assert record.stored_type == "int16"
        assert np.array_equal(np.array(record.affine), image.affine)
        assert record.output_hashes["x/a.nii.gz"] == sha256_of(out / "x" / "a.nii.gz")
