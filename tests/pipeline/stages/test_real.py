"""Real cases beside virtual ones: values as they were, names that tell, a split without leaks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from medgan.data.phantom_cohort import write_cohort
from medgan.errors import ConfigError, UsageError
from medgan.pipeline import RunOptions, RunSummary, run_pipeline
from medgan.pipeline.stage import Context, Done
from medgan.pipeline.stages.real import RealSettings, list_cases

COVERS = ("enrol",)

RECIPE = """\
kind: synthesis
name: tiny
spatial_dims: 3
data: {shape: [16, 16, 16], label_values: [3]}
batch_size: 4
generator: {latent: 4, base_channels: 16}
discriminator: {base_channels: 8}
train: {steps: 2, save_interval: 2, log_interval: 1}
sampling: {calibration_samples: 8}
"""
PIPELINE = """\
name: small
stages: [train, synthesize, export, real, enrol, manifest, report]
train: {config: RECIPE}
synthesize: {n: 2}
export: {formats: [nnunet], nnunet_prefix: virtual}
"""
INLINE = RunOptions(workers=0, device="cpu")
N_REAL, N_VIRTUAL, N_VALIDATION = 12, 2, 2


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohort")
    return write_cohort(
        folder, n_damaged=0, n_labelled=N_REAL, labelled_shape=(16, 16, 16)
    ).labelled


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    (folder / "tiny.yaml").write_text(RECIPE)
    (folder / "small.yaml").write_text(PIPELINE.replace("RECIPE", str(folder / "tiny.yaml")))
    return folder / "small.yaml"


def run(pipeline: Path, labelled: Path, out: Path, *overrides: str) -> RunSummary:
    return run_pipeline(str(pipeline), labelled, out, overrides, INLINE)


@pytest.fixture(scope="module")
def augmented(
    pipeline: Path, labelled: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[RunSummary, Path]:
    out = tmp_path_factory.mktemp("augmented") / "out"
    return run(pipeline, labelled, out), out


def test_real_values_are_as_they_were(augmented: tuple[RunSummary, Path], labelled: Path) -> None:
    summary, out = augmented
    assert summary.exit_code == 0, summary
    sources = sorted((labelled / "imagesTr").iterdir())
    assert len(sources) == N_REAL
    for n, source in enumerate(sources, start=1):
        was, now = nib.load(source), nib.load(out / "imagesTr" / f"real_{n:04d}_0000.nii.gz")
        np.testing.assert_array_equal(now.affine, was.affine)
        assert now.get_data_dtype() == was.get_data_dtype()
        assert now.dataobj.get_unscaled().tobytes() == was.dataobj.get_unscaled().tobytes()
        np.testing.assert_array_equal(now.get_fdata(), was.get_fdata())
        drawn = labelled / "labelsTr" / source.name.replace("_0000", "")
        label = nib.load(out / "labelsTr" / f"real_{n:04d}.nii.gz")
        # The model was asked for value 3 alone, and nnU-Net wants classes from 1.
        np.testing.assert_array_equal(label.get_fdata(), nib.load(drawn).get_fdata() == 3)


def test_what_was_changed_in_labels_is_said(augmented: tuple[RunSummary, Path]) -> None:
    record = json.loads((augmented[1] / "real_0001.json").read_text())
    assert "label value 3 is written as 1" in record["notes"]
    assert any("is no class of the model" in note for note in record["notes"])
    assert record["sources"][0].startswith("imagesTr/")
    assert set(record["output_hashes"]) == {
        "imagesTr/real_0001_0000.nii.gz",
        "labelsTr/real_0001.nii.gz",
    }


def test_names_of_the_input_are_in_no_name_and_no_list(
    augmented: tuple[RunSummary, Path], labelled: Path
) -> None:
    out = augmented[1]
    names = {path.name.split("_0000")[0] for path in (labelled / "imagesTr").iterdir()}
    files = [p.relative_to(out) for p in out.rglob("*") if ".medgan" not in p.parts]
    assert not [file for file in files if any(name in str(file) for name in names)]
    for listing in ("splits_final.json", "datalist.json", "dataset.csv", "dataset.json"):
        text = (out / listing).read_text()
        assert not any(name in text for name in names), listing


def test_what_validates_was_never_trained_on(augmented: tuple[RunSummary, Path]) -> None:
    out = augmented[1]
    (fold,) = json.loads((out / "splits_final.json").read_text())
    assert len(fold["val"]) == N_VALIDATION
    assert all(name.startswith("real_") for name in fold["val"])
    assert sum(name.startswith("virtual_") for name in fold["train"]) == N_VIRTUAL
    there = sorted(path.name.removesuffix(".nii.gz") for path in (out / "labelsTr").iterdir())
    assert sorted(fold["train"] + fold["val"]) == there
    trained_on = set(json.loads((out / "model" / "model.json").read_text())["training"]["sha256"])
    hashes = {
        name: json.loads((out / f"{name}.json").read_text())["content_hash"]
        for name in there
        if name.startswith("real_")
    }
    assert {hashes[name] for name in fold["val"]} & trained_on == set()
    assert {sha256 for name, sha256 in hashes.items() if name not in fold["val"]} == trained_on


def test_nnunet_is_told_of_all_cases(augmented: tuple[RunSummary, Path]) -> None:
    out = augmented[1]
    document = json.loads((out / "dataset.json").read_text())
    images = {path.name for path in (out / "imagesTr").iterdir()}
    assert document["numTraining"] == len(images) == N_REAL + N_VIRTUAL
    listed = [image for case in document["dataset"].values() for image in case["images"]]
    assert sorted(listed) == sorted(f"imagesTr/{name}" for name in images)
    assert document["labels"] == {"background": 0, "label_3": 1}
    assert "2 cases, named virtual_*" in document["description"]
    assert "licence" not in document


def test_the_page_says_which_are_where(augmented: tuple[RunSummary, Path]) -> None:
    out = augmented[1]
    rows = json.loads((out / "report.json").read_text())["data_set"]["rows"]
    assert [(row[1], row[2]) for row in rows] == [
        ("training", N_REAL - N_VALIDATION),
        ("training only", N_VIRTUAL),
        ("validation", N_VALIDATION),
    ]
    assert rows[1][3] == "virtual_0001 to virtual_0002"
    page = (out / "report.html").read_text()
    (fold,) = json.loads((out / "splits_final.json").read_text())
    assert "Real and virtual cases" in page
    assert fold["val"][0] in page


def test_again_nothing_is_redone_and_a_lost_case_comes_back_the_same(
    augmented: tuple[RunSummary, Path], pipeline: Path, labelled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(augmented[1], out)
    assert run(pipeline, labelled, out).n_done == 0
    lost = out / "imagesTr" / "real_0003_0000.nii.gz"
    before = lost.read_bytes()
    lost.unlink()
    assert run(pipeline, labelled, out).n_done == 1
    assert lost.read_bytes() == before


def test_what_an_earlier_run_left_is_no_case(
    augmented: tuple[RunSummary, Path], pipeline: Path, labelled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    shutil.copytree(augmented[1], out)
    run(pipeline, labelled, out, "synthesize.n=1")
    assert (out / "imagesTr" / "virtual_0002_0000.nii.gz").exists()
    document = json.loads((out / "dataset.json").read_text())
    cases = {"virtual_0001", *(f"real_{n:04d}" for n in range(1, N_REAL + 1))}
    assert set(document["dataset"]) == cases
    assert document["numTraining"] == len(cases)
    (fold,) = json.loads((out / "splits_final.json").read_text())
    assert sorted(fold["train"] + fold["val"]) == sorted(cases)


def test_without_the_layout_there_is_no_data_set(
    augmented: tuple[RunSummary, Path], pipeline: Path, labelled: Path, tmp_path: Path
) -> None:
    model = f"train.model={augmented[1] / 'model'}"
    run(pipeline, labelled, tmp_path / "out", model, "export.formats=[nifti]")
    assert not list((tmp_path / "out").rglob("real_0*"))
    assert not (tmp_path / "out" / "splits_final.json").exists()


def test_given_label_maps_might_be_those_of_validation_cases(tmp_path: Path) -> None:
    settings = {"export": {"formats": ["nnunet"]}, "synthesize": {"labels_from": "labels"}}
    done = Done(facts={"synthesize": {"model": "model"}}, pipeline=settings)
    with pytest.raises(ConfigError, match="anatomy of validation cases") as caught:
        list_cases(RealSettings(), Context(tmp_path, tmp_path / "out"), done)
    assert caught.value.where == "synthesize.labels_from"
    assert "synthesize_cases" in caught.value.hint


@pytest.mark.parametrize("facts", [{}, {"synthesize": {"model": "model"}}])
def test_without_virtual_files_there_is_nothing_to_stand_beside(
    facts: dict[str, object], tmp_path: Path
) -> None:
    done = Done(facts=facts, pipeline={"synthesize": {"labels_from": None}})
    with pytest.raises(UsageError, match="nothing for real cases to stand beside") as caught:
        list_cases(RealSettings(), Context(tmp_path, tmp_path / "out"), done)
    assert "`export` before it" in caught.value.hint


def test_a_case_that_cannot_be_used_is_named_and_stops_no_other(
    augmented: tuple[RunSummary, Path], pipeline: Path, labelled: Path, tmp_path: Path
) -> None:
    source = tmp_path / "labelled"
    shutil.copytree(labelled, source)
    first = sorted((source / "labelsTr").iterdir())[0]
    drawn = nib.load(first)
    nib.save(nib.Nifti1Image(np.asarray(drawn.dataobj)[:-1], drawn.affine), first)
    model = f"train.model={augmented[1] / 'model'}"
    summary = run(pipeline, source, tmp_path / "out", model)
    assert summary.exit_code == 3
    (failed,) = [record for record in summary.records if record.status == "failed"]
    assert failed.id == "real_0001"
    assert failed.failure is not None
    assert "the label map is" in failed.failure.what
    document = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert document["numTraining"] == N_REAL - 1 + N_VIRTUAL


def test_a_scan_alone_cannot_be_enrolled(labelled: Path, tmp_path: Path) -> None:
    (tmp_path / "odd.yaml").write_text("name: odd\nstages: [index, enrol]\nindex: {take: all}\n")
    summary = run(tmp_path / "odd.yaml", labelled, tmp_path / "out")
    failures = [record.failure for record in summary.records if record.failure is not None]
    assert len(failures) == N_REAL
    assert failures[0].what == "a scan without its label map cannot be enrolled"
    assert "after `real`" in failures[0].hint
