from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from medgan.cli.evaluate import table_lines
from medgan.cli.evaluate_synthetic import report_lines, split_faults
from medgan.errors import UsageError
from medgan.evaluation.image_set import ImageSet
from medgan.evaluation.synthetic import evaluate_synthetic
from tests.cli.conftest import Run
from tests.cli.small_scans import write_scan

COVERS = ("evaluate_synthetic", "evaluate_membership")


def test_hidden_slices_of_an_own_scan(medgan: Run, tmp_path: Path) -> None:
    source = write_scan(tmp_path / "a.nii.gz")
    words = ("evaluate", "hide", source, "--model", "none", "--protocol", "gap1,x2")
    result = medgan(*words)
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split()[:2] == ["protocol", "method"]
    assert [row.split()[0] for row in rows[:2]] == ["gap1", "gap1"]
    assert rows[0].split()[1] == "mixture"
    document = json.loads(medgan(*words, "--json").stdout)
    assert {row["protocol"] for row in document["mean"]} == {"gap1", "x2"}
    assert list(tmp_path.iterdir()) == [source]


def test_restored_against_the_truth(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "in" / "a.nii.gz", gaps=(8,))
    write_scan(tmp_path / "truth" / "a.nii.gz")
    out = tmp_path / "out"
    medgan("restore", tmp_path / "in", "-o", out, "--model", "none", "--workers", 0)
    result = medgan("evaluate", "restored", tmp_path / "truth", out)
    assert result.exit_code == 0, result.output
    methods = [line.split()[1] for line in result.stdout.splitlines()[1:]]
    assert methods[0] == "restored"
    assert "weight" not in result.stdout
    assert {"linear", "nearest"} <= set(methods)


def test_a_folder_that_was_not_restored(medgan: Run, tmp_path: Path) -> None:
    write_scan(tmp_path / "truth" / "a.nii.gz")
    (tmp_path / "out").mkdir()
    result = medgan("evaluate", "restored", tmp_path / "truth", tmp_path / "out")
    assert result.exit_code == 1
    assert "no scan with filled slices" in result.stderr


def test_too_few_virtual_scans(medgan: Run, tmp_path: Path) -> None:
    for n in range(2):
        write_scan(tmp_path / "real" / f"r{n}.nii.gz", seed=n)
        write_scan(tmp_path / "fake" / f"f{n}.nii.gz", seed=n + 5)
    result = medgan("evaluate", "synthetic", tmp_path / "real", tmp_path / "fake")
    assert result.exit_code == 1
    assert "too few" in result.stderr


def test_figures_stand_beside_those_of_real_scans() -> None:
    rng = np.random.default_rng(3)
    real, fake = (
        ImageSet(np.clip(rng.normal(0, 0.3, (12, 16, 16)), -1, 1).astype(np.float32))
        for _ in range(2)
    )
    lines = report_lines(evaluate_synthetic(real, fake))
    assert lines[0].split() == ["figure", "virtual", "real", "prior", "good", "what", "it", "is"]
    (distance,) = (line for line in lines if line.startswith("kid_rand"))
    assert distance.count("±") == 3
    assert any(line.startswith("finite: yes, collapse: ") for line in lines)
    assert lines[-1].startswith("12 virtual images of 16 x 16 voxels")


def test_figures_that_are_not_known_are_dashes() -> None:
    row = {
        "protocol": "x2",
        "method": "linear",
        "n_scans": 3,
        "psnr_db": None,
        "ssim": float("nan"),
        "weight": 0.25,
    }
    assert table_lines([row])[1].split() == ["x2", "linear", "3", "-", "-", "0.25"]


def test_scripts_are_told_of_copies_by_exit_code(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(3).normal(0, 0.3, (18, 16, 16))
    real = ImageSet(np.clip(noise, -1, 1).astype(np.float32))
    report = evaluate_synthetic(real, real.take(list(range(8))))
    monkeypatch.setattr("medgan.assessment.virtual.judge_synthetic", lambda *words: report)
    words = ("evaluate", "synthetic", tmp_path, tmp_path)
    told = medgan(*words)
    assert told.exit_code == 0, told.output
    assert "collapse: no, copies: yes" in told.stdout
    assert medgan(*words, "--fail-on", "collapse,copies").exit_code == 3
    assert medgan(*words, "--fail-on", "collapse").exit_code == 0
    broken = replace(report, verdict=replace(report.verdict, finite=False))
    monkeypatch.setattr("medgan.assessment.virtual.judge_synthetic", lambda *words: broken)
    assert medgan(*words).exit_code == 0
    assert medgan(*words, "--fail-on", "collapse").exit_code == 3


def test_a_search_that_can_find_no_copy_is_no_pass(
    medgan: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(3).normal(0, 0.3, (18, 16, 16))
    real = ImageSet(np.clip(noise, -1, 1).astype(np.float32))
    other = ImageSet(np.clip(noise[::-1, ::-1], -1, 1).astype(np.float32).copy())
    report = evaluate_synthetic(real, other, real)  # tested on what it was trained on
    assert not report.verdict.copies
    monkeypatch.setattr("medgan.assessment.virtual.judge_synthetic", lambda *words: report)
    result = medgan("evaluate", "synthetic", tmp_path, tmp_path, "--fail-on", "copies")
    assert result.exit_code == 3
    assert "copies cannot be told" in result.stderr


def test_faults_that_no_verdict_knows() -> None:
    assert split_faults(None) == []
    assert split_faults("copies, collapse") == ["copies", "collapse"]
    for text in ("", "blur"):
        with pytest.raises(UsageError, match="collapse or copies") as caught:
            split_faults(text)
        assert "--fail-on" in caught.value.hint
