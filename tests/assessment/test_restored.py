"""Restored folders against complete ones, and hidden slices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.assessment.restored import judge_restored, restored_records
from medgan.errors import DataError
from medgan.pipeline import RunOptions, run_pipeline
from medgan.scans import load, write_mask, write_nifti
from tests.cli.small_scans import values, write_scan
from tests.scans.series import make_series, save, without


@pytest.fixture
def restored(tmp_path: Path) -> Path:
    for name, seed in (("a", 3), ("b", 4)):
        write_scan(tmp_path / "in" / f"{name}.nii.gz", gaps=(6, 12), seed=seed)
        write_scan(tmp_path / "truth" / f"{name}.nii.gz", seed=seed)
    options = RunOptions(workers=0)
    out = tmp_path / "out"
    run_pipeline("restore_folder", tmp_path / "in", out, ["restore.model=none"], options)
    return out


def test_figures_are_those_of_the_files(restored: Path, tmp_path: Path) -> None:
    scores = judge_restored(tmp_path / "truth", restored, lambda text: None).scores
    (ours,) = (s for s in scores if (s.scan, s.method) == ("a", "restored"))
    written = np.asarray(nib.load(restored / "a.nii.gz").dataobj, dtype=float)
    truth = values((24, 22, 20), seed=3).astype(float)
    error = np.mean((written - truth)[:, :, [6, 12]] ** 2)
    width = np.subtract(*np.percentile(truth, [99.5, 0.5]))
    assert ours.psnr_db == pytest.approx(10 * np.log10(width**2 / error), abs=0.05)
    methods = {s.method for s in scores}
    assert {"restored", "linear", "nearest", "symmetric_flow"} <= methods


def test_a_truth_that_goes_on_beyond_the_stack_is_cut_to_it(tmp_path: Path) -> None:
    datasets = make_series(n=18, modality="MR", intercept=0.0)
    save(datasets, tmp_path / "truth" / "s")
    save(without(datasets[3:15], 5), tmp_path / "in" / "s")
    out = tmp_path / "out"
    overrides = ["restore.model=none"]
    run_pipeline("restore_folder", tmp_path / "in", out, overrides, RunOptions(workers=0))
    scores = judge_restored(tmp_path / "truth", out, lambda text: None).scores
    assert scores[0].method == "restored"
    assert scores[0].n_slices == 1
    assert scores[0].psnr_db > 20


def test_the_slices_that_were_filled_are_scored_along_whatever_axis_they_lie(
    tmp_path: Path,
) -> None:
    truth = values((20, 20, 20), seed=5)
    holed = truth.copy()
    holed[[6, 12]] = 0
    for folder, volume in (("truth", truth), ("in", holed)):
        (tmp_path / folder).mkdir()
        nib.save(nib.Nifti1Image(volume, np.eye(4)), tmp_path / folder / "a.nii.gz")
    out = tmp_path / "out"
    run_pipeline("restore_folder", tmp_path / "in", out, ["restore.model=none"], RunOptions(0))
    (ours, *_) = judge_restored(tmp_path / "truth", out, lambda text: None).scores
    written = np.asarray(nib.load(out / "a.nii.gz").dataobj, dtype=float)
    error = np.mean((written - truth)[[6, 12]] ** 2)
    width = np.subtract(*np.percentile(truth, [99.5, 0.5]))
    assert ours.psnr_db == pytest.approx(10 * np.log10(width**2 / error), abs=0.05)


def test_a_truth_of_other_scans_is_told(restored: Path, tmp_path: Path) -> None:
    write_scan(tmp_path / "other" / "c.nii.gz")
    with pytest.raises(DataError, match=r"none of 2 restored .* a: no scan of that name"):
        judge_restored(tmp_path / "other", restored, lambda text: None)


def test_scans_without_a_fitting_truth_are_named_and_the_others_scored(
    restored: Path, tmp_path: Path
) -> None:
    (tmp_path / "truth" / "b.nii.gz").unlink()
    write_scan(tmp_path / "truth" / "b.nii.gz", shape=(24, 22, 12))
    judged = judge_restored(tmp_path / "truth", restored, lambda text: None)
    assert {score.scan for score in judged.scores} == {"a"}
    ((name, reason),) = judged.unscored
    assert name == "b"
    assert reason
    (tmp_path / "truth" / "b.nii.gz").unlink()
    judged = judge_restored(tmp_path / "truth", restored, lambda text: None)
    assert judged.unscored == (("b", "no scan of that name in the truth"),)


def test_a_truth_that_was_made_is_refused_and_the_rest_scored(
    restored: Path, tmp_path: Path
) -> None:
    for name, made in (("a", (6,)), ("b", (6, 12))):
        file = tmp_path / "truth" / f"{name}.nii.gz"
        (scan,) = load(file, axis=2)
        marked = replace(scan, synthetic=np.isin(range(scan.n_positions), made))
        write_nifti(marked, file)
        write_mask(marked, file.with_name(f"{name}_mask.nii.gz"))
    judged = judge_restored(tmp_path / "truth", restored, lambda text: None)
    assert {(score.scan, score.n_slices) for score in judged.scores} == {("a", 1)}
    assert judged.unscored == (
        ("a", "in the truth, too, positions [6] were made by a program"),
        ("b", "in the truth, too, positions [6, 12] were made by a program"),
    )


def test_only_sidecars_of_restored_scans_count(restored: Path) -> None:
    (restored / "note.json").write_text("[1, 2]")
    assert [record.id for record in restored_records(restored)] == ["a", "b"]
