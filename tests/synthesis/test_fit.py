"""From a folder of scans to a model folder and back to cases; killed and taken up in between."""

import json

import nibabel as nib
import numpy as np
import pytest
import torch

from medgan.data import index_cases
from medgan.errors import DataError
from medgan.models import load_model, model_card, save_model
from medgan.synthesis import (
    SynthesizeRecipe,
    TemplateGanRecipe,
    fit_synthesizer,
    gather,
    output_of,
    synthesize,
)

from .conftest import write_scans


def make_recipe(**changes):
    settings = {
        "kind": "synthesis",
        "name": "tiny",
        "spatial_dims": 3,
        "data": {"shape": [16, 16, 16], "label_names": {2: "front"}},
        "batch_size": 4,
        "generator": {"latent": 8, "base_channels": 32},
        "discriminator": {"base_channels": 8},
        "train": {"steps": 6, "save_interval": 3, "r1_gamma": 1.0, "penalty_interval": 2},
        "sampling": {"calibration_samples": 8},
    }
    return SynthesizeRecipe.model_validate(settings | changes)


def test_from_folder_to_cases(scans_folder, tmp_path):
    recipe = make_recipe()
    cases = index_cases(scans_folder)
    material = gather(recipe, cases, tmp_path / "cache")
    assert len(material.prepared) == 5  # one of six is held out
    assert material.n_held_out == 1
    assert len(material.sha256) == 5
    result, info = fit_synthesizer(recipe, material, tmp_path / "run")
    assert result.finished
    output = output_of(info)
    assert output.space.orientation == "LPS"
    assert output.space.label_names == {2: "front", 5: "label_5"}
    assert info.training["sha256"] == list(material.sha256)

    # Mean volumes in the training set, counted by hand in the files (8 <= j < 18 after cropping).
    volumes = []
    for case in cases.pairs:
        labels = nib.load(case.label.source.files[0]).get_fdata()
        volumes.append([(labels == value).sum() for value in (2, 5)])
    held_out_at_most = np.ptp(volumes, axis=0) / 5
    assert np.all(np.abs(np.mean(volumes, 0) - output.label_volumes) <= held_out_at_most)

    save_model(tmp_path / "model", result.generator, info, "card")
    made = list(synthesize(load_model(tmp_path / "model"), 2, seed=0))
    scan = nib.load(scans_folder / "images" / "p0.nii.gz")
    for case in made:
        assert nib.aff2axcodes(case.image.affine) == ("L", "P", "S")
        np.testing.assert_allclose(case.image.spacing_mm, scan.header.get_zooms())
        assert case.labels.shape == case.image.stored.shape == (16, 16, 16)
        centre = case.image.grid.position([7.5, 7.5, 7.5])
        np.testing.assert_allclose(centre, nib.affines.apply_affine(scan.affine, [7.5, 9.5, 7.5]))


def test_a_run_taken_up_ends_with_the_same_weights(scans_folder, tmp_path):
    material = gather(make_recipe(), index_cases(scans_folder), None)
    unbroken, _ = fit_synthesizer(make_recipe(), material, tmp_path / "unbroken")
    recipe = make_recipe(train=make_recipe().train.model_dump() | {"max_minutes": 1e-9})
    for _ in range(6):  # every session ends after one step
        broken, _ = fit_synthesizer(recipe, material, tmp_path / "broken")
    assert broken.finished
    a, b = unbroken.generator.state_dict(), broken.generator.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_slices_of_scans_without_labels(tmp_path):
    folder = write_scans(tmp_path / "scans", labelled=False)
    recipe = make_recipe(spatial_dims=2, data={"shape": [16, 16], "slice_axis": 1})
    material = gather(recipe, index_cases(folder), None)
    result, info = fit_synthesizer(recipe, material, tmp_path / "run")
    assert result.finished
    output = output_of(info)
    assert output.label_offsets == output.label_volumes == ()


def test_too_few_cases_are_refused(tmp_path):
    folder = write_scans(tmp_path / "scans", n=1)
    with pytest.raises(DataError, match="1 cases to train on: 1 found") as caught:
        gather(make_recipe(), index_cases(folder), None)
    assert "medgan inspect" in caught.value.hint


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = write_scans(tmp_path_factory.mktemp("many"), n=18)
    return gather(make_recipe(held_back=0.4), index_cases(folder), None)


def choosing(**changes):
    train = make_recipe().train.model_dump() | {"best_by": "kid_rand", "validate_interval": 2}
    return make_recipe(held_back=0.4, train=train | changes)


@pytest.fixture
def _quick(monkeypatch):
    monkeypatch.setattr("medgan.synthesis.validation.N_DRAWN", 8)
    monkeypatch.setattr("medgan.synthesis.fit.compare_with_prior", lambda *given: [])


@pytest.mark.usefixtures("_quick")
def test_the_step_that_was_best_on_scans_held_back_is_kept(many, tmp_path):
    result, info = fit_synthesizer(choosing(), many, tmp_path / "run")
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    looks = {line["step"]: line["val_kid_rand"] for line in lines if "val_kid_rand" in line}
    assert sorted(looks) == [2, 4, 6]
    best = min(looks, key=looks.__getitem__)
    assert (result.step, result.best.step) == (6, best)
    said = f"those of step {best}, the best by kid_rand ({looks[best]:.1f}) on 6 scans held back"
    assert said in info.training["chosen"]
    assert said in model_card(info, 0)

    # Rates do not depend on the number of steps: a run that stops there ends with these weights.
    plain = make_recipe(train=make_recipe().train.model_dump() | {"steps": best})
    stopped, told = fit_synthesizer(plain, many, tmp_path / "stopped")
    a, b = stopped.generator.state_dict(), result.generator.state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert told.training["chosen"] == ""

    for _ in range(6):  # every session ends after one step
        broken, again = fit_synthesizer(choosing(max_minutes=1e-9), many, tmp_path / "broken")
    found = broken.generator.state_dict()
    assert broken.finished
    assert all(torch.equal(found[name], b[name]) for name in b)
    assert again.training["chosen"] == info.training["chosen"]


def test_a_best_step_without_scans_held_back_is_refused(scans_folder, tmp_path):
    material = gather(make_recipe(), index_cases(scans_folder), None)
    with pytest.raises(DataError, match="0 cases are held back") as caught:
        fit_synthesizer(choosing(), material, tmp_path / "run")
    assert "Raise held_back" in caught.value.hint


@pytest.mark.usefixtures("_quick")
def test_a_refined_template_has_a_best_step_too(many, tmp_path, monkeypatch):
    monkeypatch.setattr("medgan.training.match_samples.N_DRAWN", 8)
    recipe = TemplateGanRecipe.model_validate(
        {
            "kind": "template_gan",
            "name": "tiny",
            "spatial_dims": 3,
            "held_back": 0.4,
            "data": {"shape": [16, 16, 16]},
            "template": {
                "n_modes": 2,
                "registration": {"epochs": 2, "batch_size": 3},
                "fields": {"steps": 20},
            },
            "batch_size": 2,
            "generator": {"width": 4},
            "discriminator": {"width": 4},
            "train": {"steps": 3, "validate_interval": 1, "best_by": "kid_joint"},
            "sampling": {"calibration_samples": 8},
        }
    )
    result, info = fit_synthesizer(recipe, many, tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    looks = [line["val_kid_joint"] for line in lines]
    assert len(looks) == 3
    assert result.best.value == min(looks)
    assert f"of step {result.best.step}, the best by kid_joint" in info.training["chosen"]
