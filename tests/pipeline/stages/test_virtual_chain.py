"""From labelled scans to a model, virtual scans, figures and a page: tiny, but all the way."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from medgan.assessment.image_cases import real_cases, virtual_cases
from medgan.assessment.virtual import Sides, judge_synthetic
from medgan.data.phantom_cohort import write_cohort
from medgan.errors import DataError, UsageError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline
from medgan.pipeline.stage import Context, Done
from medgan.pipeline.stages.evaluate import EVALUATE, EvaluateSettings, run

COVERS = ("train", "preprocess", "synthesize", "manifest", "evaluate")

INLINE = RunOptions(workers=0, device="cpu")
RECIPE = """\
kind: synthesis
name: tiny
spatial_dims: 3
data: {shape: [16, 16, 16], label_values: [3]}
batch_size: 4
generator: {latent: 4, base_channels: 16}
discriminator: {base_channels: 8}
train: {steps: 3, save_interval: 3, log_interval: 1}
sampling: {calibration_samples: 8}
"""
N = 6


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(folder, n_damaged=0, n_labelled=12, labelled_shape=(16, 16, 16)).labelled


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("recipe") / "tiny.yaml"
    file.write_text(RECIPE)
    return file


def augment(labelled: Path, recipe: Path, out: Path, *overrides: str) -> RunSummary:
    settings = [f"train.config={recipe}", f"synthesize.n={N}", *overrides]
    return run_pipeline("augment_dataset", labelled, out, settings, INLINE)


@pytest.fixture(scope="module")
def virtual(
    labelled: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunSummary, Path]:
    out = tmp_path_factory.mktemp("virtual") / "out"
    return augment(labelled, recipe, out), out


def test_every_format_is_there(virtual: tuple[RunSummary, Path]) -> None:
    summary, out = virtual
    assert summary.exit_code == 0, summary
    images = sorted(p.name for p in (out / "imagesTr").glob("virtual_*"))
    assert images == [f"virtual_000{n}_0000.nii.gz" for n in range(1, N + 1)]
    label = np.asarray(nib.load(out / "labelsTr" / "virtual_0001.nii.gz").dataobj)
    assert set(np.unique(label)) <= {0, 1}
    slices = list((out / "dicom" / "case_0001").glob("*.dcm"))
    assert len(slices) == 16
    assert {pydicom.dcmread(path).SyntheticData for path in slices} == {"YES"}
    with (out / "manifest.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["synthetic"] for row in rows] == ["1"] * N
    assert {row["model"] for row in rows} == {"tiny"}


def test_a_folder_without_labels_is_refused_before_training(
    labelled: Path, recipe: Path, tmp_path: Path
) -> None:
    shutil.copytree(labelled / "imagesTr", tmp_path / "in" / "imagesTr")
    out = tmp_path / "out"
    summary = augment(tmp_path / "in", recipe, out)
    assert summary.exit_code == DataError.exit_code
    assert summary.stopped is not None
    assert "no scan here has a label map" in summary.stopped.what
    assert not (out / "model").exists()


def test_a_datalist_names_the_scans(labelled: Path, recipe: Path, tmp_path: Path) -> None:
    shutil.copytree(labelled, tmp_path / "in")
    images = sorted((tmp_path / "in" / "imagesTr").iterdir())[:10]
    named = [
        {"image": f"imagesTr/{p.name}", "label": f"labelsTr/{p.name.replace('_0000', '')}"}
        for p in images
    ]
    listed = tmp_path / "in" / "cases.json"
    listed.write_text(json.dumps({"training": named}))
    out = tmp_path / "out"
    summary = augment(listed, recipe, out, "export.formats=[nnunet]")
    assert summary.exit_code == 0, summary
    assert len(list((out / "imagesTr").glob("real_*"))) == 10
    listed.write_text("{")
    broken = augment(listed, recipe, tmp_path / "other")
    assert broken.stopped is not None
    assert "cases.json" in broken.stopped.where


def test_records_and_model_say_where_it_came_from(virtual: tuple[RunSummary, Path]) -> None:
    summary, out = virtual
    made = [record for record in summary.records if record.status == "synthetic"]
    info = json.loads((out / "model" / "model.json").read_text())
    assert len(made) == N
    assert {record.model["sha256"] for record in made} == {info["weights_sha256"]}
    assert len(info["training"]["sha256"]) == 10
    assert "not for diagnosis" in (out / "model" / "CARD.md").read_text()
    assert summary.facts["train"]["steps"] == 3
    assert summary.facts["preprocess"]["n_scans"] == 10


def test_an_input_without_a_usable_case_stops_nothing(
    virtual: tuple[RunSummary, Path], tmp_path: Path
) -> None:
    summary, out = virtual
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "note.txt").write_text("no scan")
    done = Done(facts={"synthesize": summary.facts["synthesize"]})
    left = run(done, EvaluateSettings(), Context(tmp_path / "in", out))
    assert left.outputs == ()
    assert left.facts["not_measured"]


def test_real_scans_that_change_are_compared_anew(labelled: Path, tmp_path: Path) -> None:
    files = EVALUATE.files(EvaluateSettings(), Context(labelled, tmp_path))
    assert {path for path in labelled.rglob("*") if path.is_file()} == set(files)


def test_figures_stand_on_the_page(virtual: tuple[RunSummary, Path]) -> None:
    summary, out = virtual
    measured = summary.facts["evaluate"]["synthetic"]
    assert measured["n_fake"] == N
    assert measured["verdict"]["finite"]
    document = json.loads((out / "report.json").read_text())
    names = {row[0].split()[0] for row in document["synthesis"]["rows"]}
    assert {"kid_rand", "spread", "copies"} <= names
    assert document["gallery"] == [".medgan/pictures/real_beside_virtual.png"]
    assert document["models"][0]["name"] == "tiny"


def test_a_second_run_redoes_nothing_and_more_cases_redo_no_training(
    virtual: tuple[RunSummary, Path], labelled: Path, recipe: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"  # tests come in random order: the shared folder stays as it is
    shutil.copytree(virtual[1], out)
    weights = (out / "model" / "weights.safetensors").stat().st_mtime_ns
    assert augment(labelled, recipe, out).n_done == 0
    more = augment(labelled, recipe, out, f"synthesize.n={N + 1}")
    assert (out / "case_0007.nii.gz").exists()
    # One case, the manifest, the figures and the page.
    assert more.n_done == 4
    assert (out / "model" / "weights.safetensors").stat().st_mtime_ns == weights


def test_a_given_model_is_used_instead_of_training(
    virtual: tuple[RunSummary, Path], labelled: Path, recipe: Path, tmp_path: Path
) -> None:
    model = virtual[1] / "model"
    summary = augment(labelled, recipe, tmp_path / "out", f"train.model={model}")
    assert summary.exit_code == 0
    assert not (tmp_path / "out" / "model").exists()
    one, two = (folder / "case_0001.nii.gz" for folder in (virtual[1], tmp_path / "out"))
    assert one.read_bytes() == two.read_bytes()


def test_too_few_cases_to_compare_stop_nothing(recipe: Path, tmp_path: Path) -> None:
    few = write_cohort(
        tmp_path / "few", n_damaged=0, n_labelled=4, labelled_shape=(16, 16, 16)
    ).labelled
    summary = augment(few, recipe, tmp_path / "out")
    assert summary.exit_code == 0
    assert "too few" in summary.facts["evaluate"]["not_measured"]
    assert "Not measured" in (tmp_path / "out" / "report.html").read_text()


def test_virtual_scans_need_a_model(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no model to make virtual scans with"):
        run_pipeline("synthesize_cases", None, tmp_path / "out", (), INLINE)
    assert not (tmp_path / "out").exists()


def test_a_pipeline_without_cases_has_no_manifest(tmp_path: Path, labelled: Path) -> None:
    file = tmp_path / "odd.yaml"
    file.write_text("name: odd\nstages: [index, manifest]\nindex: {take: none}\n")
    summary = run_pipeline(str(file), labelled, tmp_path / "out", (), INLINE)
    assert summary.stopped is not None
    assert summary.stopped.what == "there is no virtual case to list"


def test_training_scans_are_known_by_content(
    virtual: tuple[RunSummary, Path], labelled: Path
) -> None:
    said: list[str] = []
    report = judge_synthetic(labelled, virtual[1], Sides(), said.append)
    assert said[0] == f"{N} virtual, 2 real held out, 10 real trained on"
    assert not report.train_given  # two held-out cases are too few
    assert report.warnings[0].startswith("2 real scans are held out and 10 were trained on")
    train = [case.sha256 for case in real_cases(labelled)]
    assert len(set(train)) == 12
    assert all(case.label is not None for case in virtual_cases(virtual[1]))


def test_a_model_that_is_not_at_hand_is_warned_of(
    virtual: tuple[RunSummary, Path], labelled: Path, tmp_path: Path
) -> None:
    alone = tmp_path / "alone"
    shutil.copytree(virtual[1], alone, ignore=shutil.ignore_patterns("model", ".medgan"))
    warnings = judge_synthetic(labelled, alone, Sides(), print).warnings
    assert warnings[0].startswith("it is not known whether the model was trained on 12 of")
    assert "--model" in warnings[0]
    known = judge_synthetic(labelled, alone, Sides(model=str(virtual[1] / "model")), print)
    assert not any(text.startswith("it is not known") for text in known.warnings)


def test_a_training_folder_can_be_named(
    virtual: tuple[RunSummary, Path], labelled: Path, tmp_path: Path
) -> None:
    other = write_cohort(
        tmp_path, n_damaged=0, n_labelled=7, seed=5, labelled_shape=(16, 16, 16)
    ).labelled
    said: list[str] = []
    report = judge_synthetic(labelled, virtual[1], Sides(train=str(other)), said.append)
    assert report.train_given
    assert (report.n_train, report.n_test) == (7, 12)
    with pytest.raises(DataError):
        judge_synthetic(other, other, Sides(), said.append)


def test_slices_are_compared_with_slices(labelled: Path, recipe: Path, tmp_path: Path) -> None:
    flat = tmp_path / "flat.yaml"
    text = RECIPE.replace("spatial_dims: 3", "spatial_dims: 2").replace("[16, 16, 16]", "[16, 16]")
    flat.write_text(text)
    summary = augment(labelled, flat, tmp_path / "out")
    assert summary.exit_code == 0, summary
    measured = summary.facts["evaluate"]["synthetic"]
    assert measured["shape"] == [16, 16]
    assert nib.load(tmp_path / "out" / "case_0001.nii.gz").shape == (16, 16, 1)
    assert not list((tmp_path / "out").rglob("real_0*"))
    assert not (tmp_path / "out" / "splits_final.json").exists()
