"""`medgan restore` on small volumes, classical fillers only, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.record import ScanRecord
from tests.cli.conftest import Run
from tests.cli.small_scans import values, write_scan

COVERS = ("drive",)

QUICK = ("--model", "none", "--workers", 0)


def read(path: Path) -> np.ndarray:
    return np.asarray(nib.load(path).dataobj)


def test_gaps_are_filled_and_the_rest_is_untouched(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "deep" / "a.nii.gz", gaps=(8, 9))
    write_scan(tmp_path / "in" / "whole.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", tmp_path / "in", "-o", out, *QUICK)
    assert result.exit_code == 0, result.output
    restored = read(out / "deep" / "a.nii.gz")
    truth = values((24, 22, 20))
    kept = [k for k in range(20) if k not in (8, 9)]
    assert np.array_equal(restored[:, :, kept], truth[:, :, kept])
    assert np.abs(restored[:, :, [8, 9]] - truth[:, :, [8, 9]]).mean() < 30
    mask = read(out / "deep" / "a_mask.nii.gz")
    assert mask[:, :, [8, 9]].all()
    assert not mask[:, :, kept].any()
    record = ScanRecord.from_json(json.loads((out / "deep" / "a.json").read_text()))
    assert record.status == "restored"
    assert record.outputs == ("deep/a.nii.gz", "deep/a_mask.nii.gz", "deep/a.json")
    assert [f.position for f in record.filled] == [8, 9]
    assert not list(out.glob("whole*"))
    assert "1 gap, 2 slices filled  est. " in result.stdout
    assert f"wrote {out}/report.html" in result.stdout
    names = {path.name for path in out.iterdir()}
    assert names == {".medgan", "deep", "report.html", "report.json"}


def test_complete_scans_are_copied_when_asked(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "whole.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", tmp_path / "in", "-o", out, "--copy-complete", *QUICK)
    assert result.exit_code == 0, result.output
    assert np.array_equal(read(out / "whole.nii.gz"), read(source))
    assert not (out / "whole_mask.nii.gz").exists()


def test_quiet_still_tells_what_failed(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "wide.nii.gz", gaps=tuple(range(5, 14)))
    result = medgan("restore", tmp_path / "in", "-o", tmp_path / "out", "-q", *QUICK)
    assert (result.exit_code, result.stdout) == (3, ""), result.output
    assert result.stderr.startswith("failed: wide: restore: ")


def test_nothing_to_fill_is_exit_0(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "whole.nii.gz")
    result = medgan("restore", tmp_path / "in", "-o", tmp_path / "out", *QUICK)
    assert result.exit_code == 0
    assert "1 complete" in result.stdout


def test_named_positions_are_filled_over_and_said_to_be(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", source, "-o", out, "--missing", "5,11-12", "--json", *QUICK)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    (record,) = document["records"]
    assert [(f["position"], f["overwritten"]) for f in record["filled"]] == [
        (5, True),
        (11, True),
        (12, True),
    ]
    assert any("filled over" in note for note in record["notes"])
    kept = [k for k in range(20) if k not in (5, 11, 12)]
    restored, truth = read(out / "a.nii.gz"), read(source)
    assert np.array_equal(restored[:, :, kept], truth[:, :, kept])
    assert not np.array_equal(restored[:, :, 5], truth[:, :, 5])


@pytest.mark.parametrize("missing", ["0", "19", "25", "x"])
def test_positions_that_cannot_be_filled_are_exit_2(
    medgan: Run, tmp_path: Path, missing: str
) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", source, "-o", out, "--missing", missing, *QUICK)
    assert result.exit_code == 2
    assert "--missing" in result.stderr
    assert not out.exists()


def test_named_positions_are_for_one_scan_only(medgan: Run, tmp_path: Path) -> None:
    for name in "ab":
        write_scan(tmp_path / "in" / f"{name}.nii.gz", gaps=(8,))
    out = tmp_path / "out"
    result = medgan("restore", tmp_path / "in", "-o", out, "--missing", "5", *QUICK)
    assert result.exit_code == 2
    assert "found 2" in result.stderr
    assert not out.exists()


def test_volumes_of_a_4d_file_come_back_as_one_4d_file(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "bold.nii.gz", gaps=(8,), n_volumes=3)
    out = tmp_path / "out"
    result = medgan("restore", tmp_path / "in", "-o", out, *QUICK)
    assert result.exit_code == 0, result.output
    restored, truth = read(out / "bold.nii.gz"), read(source)
    kept = [k for k in range(20) if k != 8]
    assert restored.shape == truth.shape
    assert np.array_equal(restored[:, :, kept], truth[:, :, kept])
    assert restored[:, :, 8].any(axis=(0, 1)).all()
    assert read(out / "bold_mask.nii.gz").sum() == 24 * 22 * 3
    assert len(json.loads((out / "report.json").read_text())["scans"]) == 3


def test_dicom_is_written_when_asked(medgan: Run, tmp_path: Path) -> None:
    import pydicom

    source = write_scan(tmp_path / "a.nii.gz", gaps=(8,))
    out = tmp_path / "out"
    result = medgan("restore", source, "-o", out, "--format", "dicom,nifti", *QUICK)
    assert result.exit_code == 0, result.output
    slices = [pydicom.dcmread(path) for path in sorted((out / "a").glob("*.dcm"))]
    assert len(slices) == 20
    assert sum(one.get("SyntheticData", "NO") == "YES" for one in slices) == 1
    assert {"DERIVED"} <= {one.ImageType[0] for one in slices if one.get("SyntheticData") == "YES"}
    assert (out / "a.nii.gz").exists()


def test_a_scan_called_report_does_not_meet_the_report(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "report.nii.gz", gaps=(8,))
    out = tmp_path / "out"
    assert medgan("restore", source, "-o", out, *QUICK).exit_code == 0
    assert "scans" in json.loads((out / "report.json").read_text())
    assert json.loads((out / "report_2.json").read_text())["status"] == "restored"


def test_the_same_twice_is_the_same_bytes_and_redoes_nothing(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,)).parent
    trees = []
    for name in ("one", "two"):
        out = tmp_path / name / "out"
        medgan("restore", source, "-o", out, "--format", "nifti,dicom", *QUICK)
        trees.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    one, two = ({k: v for k, v in t.items() if ".medgan" not in k.parts} for t in trees)
    assert one == two
    again = medgan(
        "restore", source, "-o", tmp_path / "two" / "out", "--format", "nifti,dicom", *QUICK
    )
    assert "everything is up to date, nothing was done again" in again.stdout


def test_thin_slices_want_a_word_on_what_a_slice_is(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    words = ("restore", source, "-o", tmp_path / "out", "--model", "none", "--spacing", "1.0")
    unsaid = medgan(*words)
    assert unsaid.exit_code == 2
    assert "--slices" in unsaid.output
    said = medgan(*words, "--slices", "missing")
    assert said.exit_code == 0, said.output
    assert nib.load(tmp_path / "out" / "a.nii.gz").shape == (24, 22, 39)


def test_ends_and_openings_from_the_command_line(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz", gaps=(0,))
    words = ("restore", source, "--model", "none")
    opened = medgan(*words, "-o", tmp_path / "one", "--insert", "7,8", "--fill-ends")
    assert opened.exit_code == 0, opened.output
    made = np.asanyarray(nib.load(tmp_path / "one" / "a.nii.gz").dataobj)
    assert made.shape == (24, 22, 22)
    assert made[..., [0, 7, 8]].std(axis=(0, 1)).min() > 10


def test_a_scan_of_the_same_name_never_replaces_an_earlier_result(
    medgan: Run, tmp_path: Path
) -> None:
    first = write_scan(tmp_path / "one" / "t1.nii.gz", gaps=(8,), seed=1)
    second = write_scan(tmp_path / "two" / "t1.nii.gz", gaps=(8,), seed=2)
    out = tmp_path / "out"
    assert medgan("restore", first, "-o", out, *QUICK).exit_code == 0
    before = (out / "t1.nii.gz").read_bytes()
    result = medgan("restore", second, "-o", out, *QUICK)
    assert result.exit_code == 2
    assert "results of another input" in result.stderr
    assert (out / "t1.nii.gz").read_bytes() == before
