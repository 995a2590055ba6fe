"""Prior and template from a folder of scans to a model folder and back to cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data import index_cases
from medgan.errors import ConfigError, DataError
from medgan.models import load_model, save_model
from medgan.settings import parse
from medgan.synthesis import (
    PriorRecipe,
    TemplateRecipe,
    fit_synthesizer,
    gather,
    output_of,
    synthesize,
)
from medgan.synthesis import fitted as module
from medgan.synthesis.fitted import stack_samples

from .conftest import make_space, write_scans

COVERS = ("fitted_recipes",)

COMMON = {
    "name": "tiny",
    "spatial_dims": 3,
    "data": {"shape": [12, 16, 12]},
    "sampling": {"calibration_samples": 8},
}


def prior_recipe(**changes):
    return PriorRecipe.model_validate(COMMON | {"kind": "prior"} | changes)


def template_recipe(**changes):
    few = {
        "kind": "template",
        "n_modes": 3,
        "registration": {"epochs": 3, "batch_size": 2},
        "fields": {"steps": 20},
    }
    return TemplateRecipe.model_validate(COMMON | few | changes)


@pytest.mark.parametrize("make_recipe", [prior_recipe, template_recipe])
def test_from_folder_to_cases(make_recipe, scans_folder, tmp_path):
    recipe = make_recipe()
    material = gather(recipe, index_cases(scans_folder), None)
    told = []
    result, info = fit_synthesizer(
        recipe, material, tmp_path, progress=lambda step, figures: told.append(step)
    )
    assert result.finished
    assert (info.kind, info.training["n_scans"]) == ("synthesizer", 5)
    assert info.training["sha256"] == list(material.sha256)
    assert output_of(info).latent == result.generator.latent
    save_model(tmp_path / "model", result.generator, info, "card")
    model = load_model(tmp_path / "model")
    made, again = (list(synthesize(model, 3, seed=1)) for _ in range(2))
    for one, two in zip(made, again, strict=True):
        assert one.image.stored.shape == one.labels.shape == (12, 16, 12)
        assert one.image.stored.tobytes() == two.image.stored.tobytes()
        assert set(np.unique(one.labels)) == {0, 2, 5}
    assert made[0].image.stored.tobytes() != made[1].image.stored.tobytes()
    if recipe.kind == "template":
        assert told == [1, 2, 3, 4, 5]  # three epochs, the fields, the samples
        assert "keeps 3 modes of 5 training samples" in info.notice


def test_a_prior_says_what_it_stores(scans_folder, tmp_path):
    material = gather(prior_recipe(), index_cases(scans_folder), None)
    _, whole = fit_synthesizer(prior_recipe(), material, tmp_path)
    assert "stores the 5 training samples" in whole.notice
    assert "never ship or share it" in whole.notice
    _, part = fit_synthesizer(prior_recipe(n_modes=2), material, tmp_path)
    assert "keeps 2 modes of 5 training samples" in part.notice
    assert part.settings["latent"] == 2


@pytest.mark.parametrize("make_recipe", [prior_recipe, template_recipe])
def test_slices_without_labels(make_recipe, tmp_path):
    folder = write_scans(tmp_path / "scans", n=3, labelled=False)
    recipe = make_recipe(
        spatial_dims=2, data={"shape": [12, 16], "slice_range": [0.25, 0.75]}, max_samples=20
    )
    material = gather(recipe, index_cases(folder), None)
    result, info = fit_synthesizer(recipe, material, tmp_path / "run")
    if recipe.kind == "prior":
        assert result.generator.latent == 19  # 24 slices are used, 20 of them taken
    save_model(tmp_path / "model", result.generator, info, "card")
    (case,) = synthesize(load_model(tmp_path / "model"), 1, seed=0)
    assert case.image.stored.shape == (12, 16, 1)
    assert case.labels is None


def test_samples_are_thinned_out_evenly():
    prepared = [{"image": torch.full((1, 4, 4, 4), float(i))} for i in range(10)]
    volumes = stack_samples(prepared, make_space(shape=(4, 4, 4), label_values=()), 4)
    assert volumes[:, 0, 0, 0, 0].tolist() == [0, 3, 6, 9]
    flat = make_space(spatial_dims=2, shape=(4, 4), slice_range=(0.5, 1.0), label_values=())
    slices = stack_samples(prepared, flat, 400)
    assert slices.shape == (20, 1, 4, 4)  # two slices of each


@pytest.mark.parametrize("make_recipe", [prior_recipe, template_recipe])
def test_what_is_too_large_for_a_model_folder_is_refused_before_it_is_fitted(
    make_recipe, scans_folder, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "MAX_WEIGHT_BYTES", 1000)
    material = gather(make_recipe(), index_cases(scans_folder), None)
    told = []
    with pytest.raises(DataError, match="more than a model folder may hold") as caught:
        fit_synthesizer(
            make_recipe(), material, tmp_path, progress=lambda step, figures: told.append(step)
        )
    assert "max_samples" in caught.value.hint
    assert told == []


@pytest.mark.parametrize(
    ("recipe", "changes", "message"),
    [
        (PriorRecipe, {"kind": "prior", "n_modes": 0}, "n_modes"),
        (PriorRecipe, {"kind": "prior", "train_parts": ["test"]}, "never trained on"),
        (PriorRecipe, {"kind": "prior", "spatial_dims": 2}, "3 sides"),
        (TemplateRecipe, {"kind": "template", "data": {"shape": [8, 8, 2]}}, "4 voxels"),
        (TemplateRecipe, {"kind": "prior"}, "kind"),
        (TemplateRecipe, {"kind": "template", "mode_waves": []}, "mode_waves"),
    ],
)
def test_recipes_that_mean_nothing_are_refused(recipe, changes, message):
    with pytest.raises(ConfigError, match=message):
        parse(recipe, COMMON | changes, "recipe.yaml")
