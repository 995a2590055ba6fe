"""Hidden slices of complete scans: scores, and the files and pictures they end in."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medgan.errors import ReadError, UsageError
from medgan.interpolation import classical_fillers
from medgan.pipeline.judge_hidden import (
    Hidden,
    Unscored,
    check_output,
    draw_worst,
    judge_hidden,
    write_scores,
)
from medgan.pipeline.mean_scores import mean_scores
from tests.cli.small_scans import values, write_scan


def test_hidden_slices_of_complete_scans_are_scored(tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz")
    results = judge_hidden(tmp_path, ["gap1", "x2", "gap8"], classical_fillers(), lambda text: None)
    scores = [score for hidden in results for score in hidden.result.methods]
    assert {score.protocol for score in scores} == {"gap1", "x2", "gap8"}
    rows = mean_scores(scores)
    assert rows[0]["method"] == "mixture"
    assert rows[0]["n_scans"] == 1
    assert rows[0]["psnr_db"] == pytest.approx(scores[0].psnr_db)


def test_scans_that_are_too_short_to_hide_anything_are_told(tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz", shape=(20, 20, 3))
    with pytest.raises(ReadError, match="no scan that slices could be taken from"):
        list(judge_hidden(tmp_path, ["gap8"], classical_fillers(), lambda text: None))


def test_the_worst_slice_is_the_one_furthest_from_the_truth(tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz", seed=3)
    (hidden,) = judge_hidden(tmp_path, ["x2"], classical_fillers(), lambda text: None)
    worst = hidden.result.worst
    truth = values((24, 22, 20), seed=3).astype(np.float32)
    np.testing.assert_array_equal(worst.true, truth[:, :, worst.position])
    linear = (truth[:, :, worst.position - 1] + truth[:, :, worst.position + 1]) / 2
    np.testing.assert_allclose(worst.filled["linear"], linear, atol=0.1)
    picture = draw_worst(hidden, tmp_path / "out")
    with Image.open(picture) as opened:
        assert f"Position {worst.position}" in opened.info["Description"]
        assert opened.width > 200


def test_scores_are_the_same_in_both_files(tmp_path: Path) -> None:
    rows = [{"scan": "a", "method": "linear", "psnr_db": 20.5}]
    write_scores({"mean": [], "scans": rows, "unscored": []}, tmp_path / "out")
    (row,) = csv.DictReader((tmp_path / "out" / "hidden.csv").open())
    assert row == {"scan": "a", "method": "linear", "psnr_db": "20.5"}
    assert json.loads((tmp_path / "out" / "hidden.json").read_text())["scans"] == rows


def test_a_folder_in_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_output(tmp_path / "in", tmp_path / "out")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds files"):
        check_output(tmp_path / "in", tmp_path / "out")


def test_what_cannot_be_scored_is_named_and_the_rest_goes_on(tmp_path: Path) -> None:
    write_scan(tmp_path / "a.nii.gz")
    write_scan(tmp_path / "b.nii.gz", shape=(20, 20, 3))
    write_scan(tmp_path / "c.nii.gz", gaps=(9, 10))
    (tmp_path / "d.nii.gz").write_bytes((tmp_path / "a.nii.gz").read_bytes()[:300])
    results = list(judge_hidden(tmp_path, ["gap2"], classical_fillers(), lambda text: None))
    unscored = [one for one in results if isinstance(one, Unscored)]
    assert [one.scan.id for one in results if isinstance(one, Hidden)] == ["a"]
    assert {one.name for one in unscored} == {"b", "c", "d.nii.gz"}
    assert any("missing already" in one.reason for one in unscored)
