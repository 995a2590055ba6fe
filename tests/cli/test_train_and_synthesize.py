"""`train`, `synthesize` and back: tiny, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import medgan as package
from medgan.data.phantom_cohort import write_cohort
from tests.cli.conftest import Run

COVERS = ("train",)

RECIPE = """\
kind: synthesis
name: tiny
spatial_dims: 3
data: {shape: [8, 8, 8], label_values: [3]}
batch_size: 4
generator: {latent: 4, base_channels: 16}
discriminator: {base_channels: 8}
train: {steps: 4, save_interval: 2, log_interval: 1}
sampling: {calibration_samples: 8}
"""


def test_from_scans_to_a_model_to_virtual_scans(medgan: Run, tmp_path: Path) -> None:
    data = write_cohort(tmp_path / "c", n_damaged=0, n_labelled=4, labelled_shape=(16, 16, 12))
    recipe = tmp_path / "tiny.yaml"
    recipe.write_text(RECIPE)
    run = tmp_path / "run"
    words = ("train", recipe, "-o", run, "--data", data.labelled, "--device", "cpu")
    result = medgan(*words)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == f"wrote {run} (tiny, 4 steps, finished)"

    again = json.loads(medgan(*words, "--json").stdout)
    assert (again["name"], again["steps"], again["finished"]) == ("tiny", 4, True)

    refused = medgan(*words, "--set", "train.steps=9")
    assert refused.exit_code == 2
    assert "train.steps" in refused.stderr

    out = tmp_path / "virtual"
    made = medgan(
        "synthesize", run, "-n", 3, "-o", out, "--format", "nifti,nnunet", "--workers", 0, "-v"
    )
    assert made.exit_code == 0, made.output
    assert (out / "case_0003.nii.gz").exists()
    assert (out / "dataset.json").exists()
    assert (out / "report.html").exists()

    first, _ = package.synthesize(run, 2, device="cpu")
    written = package.load(out / "case_0001.nii.gz")[0]
    assert (first.image.stored == written.stored).all()


def test_data_has_to_be_named(medgan: Run, tmp_path: Path) -> None:
    result = medgan("train", "synthesize/dcgan_3d", "-o", tmp_path / "run")
    assert result.exit_code == 2
    assert "--data" in result.stderr


def test_an_unknown_recipe_names_the_shipped_ones(medgan: Run, tmp_path: Path) -> None:
    result = medgan("train", "nonsense", "-o", tmp_path / "run", "--data", tmp_path)
    assert result.exit_code == 2
    assert "synthesize/dcgan_3d" in result.stderr


@pytest.mark.parametrize("name", ["nonsense", "slices-faithful"])
def test_what_makes_no_scans_is_one_error_and_writes_nothing(
    medgan: Run, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    result = medgan("synthesize", name, "-n", 3, "-o", out, "--workers", 0)
    assert result.exit_code == 1
    assert result.stderr.count("error:") == 1
    hint = result.stderr.splitlines()[-1]
    assert "synthesize/" in hint
    assert "slices-" not in hint
    assert "case_0001" not in result.output
    assert not out.exists()


def test_unknown_formats_are_refused(medgan: Run, tmp_path: Path) -> None:
    result = medgan("synthesize", "x", "-n", 2, "-o", tmp_path / "out", "--format", "png")
    assert result.exit_code == 2
    assert "nnunet" in result.stderr
