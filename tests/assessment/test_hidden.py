"""Hidden slices of complete scans: scores, and the files and pictures they end in."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from medgan.assessment.hidden import (
    Hidden,
    Unscored,
    check_output,
    draw_worst,
    judge_hidden,
    write_scores,
)
from medgan.assessment.mean_scores import mean_scores
from medgan.errors import ReadError, UsageError
from medgan.interpolation import classical_fillers
from medgan.restoration import hide_and_score
from medgan.scans import load, write_mask, write_nifti
from tests.cli.small_scans import values, write_scan
from tests.restoration.phantom import make_scan


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


def write_made(path: Path, made: tuple[int, ...], seed: int = 7) -> None:
    """Write a complete scan as medgan does, of which slices were made, with its mask."""
    write_scan(path, seed=seed)
    (scan,) = load(path, axis=2)
    flags = np.isin(range(scan.n_positions), made)
    marked = replace(scan, synthetic=flags)
    write_nifti(marked, path)
    write_mask(marked, path.with_name(f"{path.name.removesuffix('.nii.gz')}_mask.nii.gz"))


def test_slices_that_were_made_are_never_the_truth(tmp_path: Path) -> None:
    made = (3, 4, 11)
    write_made(tmp_path / "a.nii.gz", made)
    write_made(tmp_path / "b.nii.gz", tuple(range(20)))
    results = list(judge_hidden(tmp_path, ["x2"], classical_fillers(), lambda text: None))
    by_scan = {one.scan.id: one for one in results if isinstance(one, Hidden)}
    hidden = by_scan["a"]
    unscored = {one.name: one.reason for one in results if isinstance(one, Unscored)}
    # Odd positions are taken, 1 to 17; two of the nine were made.
    assert hidden.result.methods[0].n_slices == 7
    assert not {one.position for one in hidden.result.slices} & set(made)
    assert "of the 9 slices it would take, 2 were made by a program" in unscored["a"]
    # A phantom has nothing but itself to be tried out on.
    assert by_scan["b"].result.methods[0].n_slices == 9


def test_made_slices_do_not_help_to_fill_those_that_are_scored() -> None:
    plain = make_scan(12)
    spoilt = plain.stored.copy()
    spoilt[:, :, 5] = 30_000
    made = np.arange(12) == 5
    one, other = (
        hide_and_score(
            replace(plain, stored=stored, synthetic=made), [6], "gap1", classical_fillers()
        )
        for stored in (plain.stored, spoilt)
    )
    assert one.worst.filled["linear"].max() == pytest.approx(other.worst.filled["linear"].max())


def test_a_scan_in_which_only_made_slices_would_be_taken_is_not_scored(tmp_path: Path) -> None:
    write_made(tmp_path / "a.nii.gz", (9, 10))
    write_scan(tmp_path / "b.nii.gz")
    results = list(judge_hidden(tmp_path, ["gap2"], classical_fillers(), lambda text: None))
    assert [one.scan.id for one in results if isinstance(one, Hidden)] == ["b"]
    (unscored,) = (one for one in results if isinstance(one, Unscored))
    assert "0 measured ones are scored" in unscored.reason
