"""`medgan detect`: what it prints and writes, and how `restore --damaged` takes it up."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from tests.assessment.damaged_scan import AT, write_damaged
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan


def test_a_damaged_slice_is_ranked_and_the_command_that_mends_it_printed(
    medgan: Run, tmp_path: Path
) -> None:
    path = write_damaged(tmp_path / "a b.nii.gz")
    result = medgan("detect", path)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[:2] == ["a_b", "  20 slices, 18 judged, 1 do not fit"]
    rank, position, instance, score, kind = lines[3].split()
    assert (rank, position, instance) == ("1", str(AT), "-")
    assert kind in {"noise", "spikes"}
    assert float(score) > 1
    assert lines[4].endswith("positions 0, 19")
    assert lines[5] == f"  mend it: medgan restore '{path}' -o restored --damaged {AT}"
    assert lines[-1] == "1 scans, 1 slices that do not fit"


def test_clean_scans_end_well_too(medgan: Run, tmp_path: Path) -> None:
    result = medgan("detect", write_scan(tmp_path / "a.nii.gz"), "-v")
    assert result.exit_code == 0
    assert "0 do not fit" in result.stdout
    assert result.stdout.count("below the threshold") == 3
    assert "mend it" not in result.stdout


def test_json_and_refusals_are_as_inspect_has_them(medgan: Run, tmp_path: Path) -> None:
    write_damaged(tmp_path / "a.nii.gz")
    (tmp_path / "bad.dcm").write_text("this is no DICOM")
    result = medgan("detect", tmp_path, "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert set(document) == {"scans", "refused", "set_aside"}
    (scan,) = document["scans"]
    assert [found["position"] for found in scan["damaged"]] == [AT]
    assert len(scan["others"]) == 17
    assert scan["unjudged"] == [0, 19]


def test_nothing_readable_is_exit_1(medgan: Run, tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("x")
    result = medgan("detect", tmp_path)
    assert result.exit_code == 1
    assert "no scan here that can be read" in result.stderr


def test_pictures_and_tables_are_written_apart(medgan: Run, tmp_path: Path) -> None:
    write_damaged(tmp_path / "in" / "a.nii.gz")
    out = tmp_path / "out"
    assert medgan("detect", tmp_path / "in", "-o", out).exit_code == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == [f"a_position_{AT:03d}.png", "damaged.csv", "damaged.json"]
    again = medgan("detect", tmp_path / "in", "-o", out)
    assert again.exit_code == 2
    assert "holds files" in again.stderr


@pytest.mark.parametrize("chosen", ["auto", str(AT)])
def test_restore_fills_over_what_is_damaged_and_says_so(
    medgan: Run, tmp_path: Path, chosen: str
) -> None:
    path = write_damaged(tmp_path / "in" / "a.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", path, "-o", out, "--damaged", chosen, "--model", "none")
    assert result.exit_code == 0, result.output
    (record,) = json.loads((out / "report.json").read_text())["scans"]
    (filled,) = record["filled"]
    assert (filled["position"], filled["overwritten"]) == (AT, True)
    assert record["synthetic"] == [AT]
    told = "does not fit its neighbours (" if chosen == "auto" else "named as damaged"
    assert any(told in note for note in record["notes"]), record["notes"]
    before, after = (np.asarray(nib.load(p).dataobj) for p in (path, out / "a.nii.gz"))
    kept = np.arange(20) != AT
    np.testing.assert_array_equal(after[..., kept], before[..., kept])
    assert (after[..., AT] != before[..., AT]).any()


def test_auto_takes_on_every_scan_of_a_folder(medgan: Run, tmp_path: Path) -> None:
    write_damaged(tmp_path / "in" / "a.nii.gz")
    write_scan(tmp_path / "in" / "b.nii.gz")
    out = tmp_path / "out"
    result = medgan("restore", tmp_path / "in", "-o", out, "--damaged", "auto", "--model", "none")
    assert result.exit_code == 0, result.output
    records = {r["id"]: r for r in json.loads((out / "report.json").read_text())["scans"]}
    assert records["a"]["status"] == "restored"
    assert records["b"]["status"] == "copied"
    assert any("no slice was found to be damaged" in note for note in records["b"]["notes"])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--damaged", "later"), "expected positions"),
        (("--damaged", "0"), "no measured slice on both sides"),
        (("--damaged", "auto", "--insert", "4"), "cannot be combined"),
    ],
)
def test_what_cannot_be_meant_is_exit_2(
    medgan: Run, tmp_path: Path, options: tuple[str, ...], told: str
) -> None:
    path = write_scan(tmp_path / "a.nii.gz")
    result = medgan("restore", path, "-o", tmp_path / "out", *options)
    assert result.exit_code == 2
    assert told in result.stderr
