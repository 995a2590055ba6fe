"""Options of `medgan synthesize`: what clashes is said before anything is made."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

import medgan as package
from medgan.cli.synthesize import split_labels
from medgan.data.phantom_cohort import write_cohort
from medgan.errors import UsageError
from tests.cli.conftest import Run

RECIPE = """\
kind: template
name: tiny
spatial_dims: 3
conditions: [volume_3]
n_modes: 2
data: {shape: [16, 16, 16], label_values: [3]}
registration: {epochs: 2, batch_size: 3}
fields: {steps: 20}
sampling: {calibration_samples: 8}
"""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny template, and the scans it was fitted to."""
    from medgan.pipeline.recipes import read_recipe
    from medgan.pipeline.training import train_model

    root = tmp_path_factory.mktemp("template")
    data = write_cohort(root / "c", n_damaged=0, n_labelled=8, labelled_shape=(16, 16, 16)).labelled
    (root / "tiny.yaml").write_text(RECIPE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medgan.training.match_samples.N_DRAWN", 8)
        train_model(read_recipe(str(root / "tiny.yaml")), data, root / "run", device="cpu")
    return root / "run", data


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_wish_is_written_down(folders: tuple[Path, Path], medgan: Run, tmp_path: Path) -> None:
    info = json.loads((folders[0] / "model.json").read_text())
    (condition,) = info["expects"]["conditions"]
    wish = f"volume_3={condition['high']:g}"
    words = ("synthesize", folders[0], "-n", 2, "--workers", 0, "-o")
    made = medgan(*words, tmp_path / "out", "--label", wish)
    assert made.exit_code == 0, made.output
    assert [row["wanted"] for row in rows(tmp_path / "out")] == [wish] * 2
    with pytest.warns(UserWarning, match="treat it as you treat the scans"):
        (case,) = package.synthesize(folders[0], 1, wanted={"volume_3": wish.split("=")[1]})
    written = package.load(tmp_path / "out" / "case_0001.nii.gz")[0]
    np.testing.assert_array_equal(case.image.values, written.values)
    refused = medgan(*words, tmp_path / "none", "--label", "age=60")
    assert refused.exit_code == 2
    assert "knows nothing of age" in refused.stderr


def test_given_label_maps_come_back(
    folders: tuple[Path, Path], medgan: Run, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made = medgan(
        "synthesize", folders[0], "-n", 1, "--workers", 0, "-o", out, "--labels-from", folders[1]
    )
    assert made.exit_code == 0, made.output
    label = package.load(out / "case_0001_label.nii.gz")[0]
    maps = [found for found in package.inspect(folders[1]).scans if found.kind == "label"]
    given = package.load(maps[0].source.files[0])[0]
    np.testing.assert_array_equal(label.values == 3, given.values == 3)
    # They lie on each other in the world, too, whatever grid the training scans had.
    np.testing.assert_allclose(label.affine, given.affine, atol=1e-6)
    (row,) = rows(out)
    assert row["made_for"] == maps[0].source.files[0].relative_to(folders[1]).as_posix()
    told = json.loads((out / "case_0001.json").read_text())
    assert told["sources"] == [row["made_for"]]
    assert told["content_hash"] == given.content_hash


def test_copies_are_looked_for_among_the_scans_of_the_model(
    folders: tuple[Path, Path], medgan: Run, tmp_path: Path
) -> None:
    words = ("synthesize", folders[0], "-n", 2, "--workers", 0, "-o", tmp_path / "out")
    made = medgan(*words, "--reject-copies", "--train", folders[1])
    assert made.exit_code == 0, made.output
    assert all(int(row["rejected"]) >= 0 for row in rows(tmp_path / "out"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--reject-copies",), "copies can be told only"),
        (("--train", "scans"), "copies can be told only"),
        (("--label", "age"), "each name once"),
        (("--label", "a=1", "--labels-from", "x"), "the label map says"),
    ],
)
def test_what_clashes_is_refused(
    words: tuple[str, ...], message: str, medgan: Run, tmp_path: Path
) -> None:
    result = medgan("synthesize", tmp_path, "-n", 1, "-o", tmp_path / "out", *words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_labels_are_split() -> None:
    assert split_labels(["age=60", "sex = F"]) == {"age": "60", "sex": "F"}
    with pytest.raises(UsageError, match="once"):
        split_labels(["age=60", "age=61"])
