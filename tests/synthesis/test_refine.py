"""From a folder of scans to a refined template and back; the critic on, off, and interrupted."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data import index_cases
from medgan.errors import ConfigError, ModelError
from medgan.models import load_model, save_model
from medgan.settings import parse
from medgan.synthesis import TemplateGanRecipe, fit_synthesizer, gather, synthesize
from medgan.synthesis.refine import CONDITIONS

COVERS = ("refined_recipe",)

FEW = {
    "kind": "template_gan",
    "name": "tiny",
    "spatial_dims": 3,
    "data": {"shape": [12, 16, 12]},
    "template": {
        "n_modes": 2,
        "registration": {"epochs": 2, "batch_size": 3},
        "fields": {"steps": 20},
    },
    "batch_size": 2,
    "generator": {"width": 4},
    "discriminator": {"width": 4},
    "train": {"steps": 2, "save_interval": 2, "r1_gamma": 1, "penalty_interval": 2},
    "sampling": {"calibration_samples": 8},
}


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("medgan.training.match_samples.N_DRAWN", 8)
        yield


def make_recipe(**changes) -> TemplateGanRecipe:
    return TemplateGanRecipe.model_validate(FEW | changes)


@pytest.fixture(scope="module")
def material(scans_folder):
    return gather(make_recipe(), index_cases(scans_folder), None)


@pytest.fixture(scope="module")
def refined(material, tmp_path_factory):
    steps: list[int] = []
    run = tmp_path_factory.mktemp("run")
    result, info = fit_synthesizer(
        make_recipe(train=FEW["train"] | {"log_interval": 1}),
        material,
        run,
        progress=lambda step, figures: steps.append(step),
    )
    # Two epochs of the template, its fields, its samples, and two steps of the loop.
    assert steps == [1, 2, 3, 4, 5, 6]
    return result, info, run


def test_it_is_a_model_folder_like_any_other(refined, tmp_path) -> None:
    result, info, _ = refined
    assert (result.finished, result.step) == (True, 2)
    assert "keeps 2 modes of 5 training samples" in info.notice
    save_model(tmp_path / "model", result.generator, info, "card")
    made, again = (list(synthesize(load_model(tmp_path / "model"), 2, seed=1)) for _ in range(2))
    for one, two in zip(made, again, strict=True):
        assert one.image.stored.shape == one.labels.shape == (12, 16, 12)
        assert one.image.stored.tobytes() == two.image.stored.tobytes()
        assert one.labels.any()


def test_without_critic_the_anatomies_are_the_same_and_the_images_those_of_the_template(
    refined, material, tmp_path
) -> None:
    result, info, _ = refined
    plain, plain_info = fit_synthesizer(make_recipe(refine=False), material, tmp_path)
    assert plain_info.expects["label_offsets"] == info.expects["label_offsets"]
    z = torch.randn(2, plain.generator.latent, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        a, b = plain.generator(z), result.generator(z)
    assert torch.equal(a[:, 1:], b[:, 1:])
    drawn = plain.generator.template(plain.generator.split(z)[0])
    torch.testing.assert_close(a, drawn, rtol=0, atol=1e-6)
    assert not torch.equal(a[:, 0], b[:, 0])


def test_a_run_taken_up_ends_with_the_same_weights(refined, material, tmp_path) -> None:
    recipe = make_recipe(train=FEW["train"] | {"max_minutes": 1e-9})
    for _ in range(2):  # every session ends after one step
        broken, info = fit_synthesizer(recipe, material, tmp_path)
    assert broken.finished
    unbroken = refined[0].generator.state_dict()
    found = broken.generator.state_dict()
    assert all(torch.equal(found[name], unbroken[name]) for name in unbroken)
    assert info.expects == refined[1].expects


def test_a_run_taken_up_has_the_conditions_that_it_was_started_with(material, tmp_path) -> None:
    table = tmp_path / "cases.csv"
    ages = [f"{case.id},{30 + number**2}" for number, case in enumerate(material.known)]
    table.write_text("\n".join(["id,age", *ages]))
    told = {"conditions": ["volume_2", "age"], "conditions_file": table}
    short = make_recipe(**told, train=FEW["train"] | {"max_minutes": 1e-9})
    for run in ("whole", "broken"):
        (tmp_path / run).mkdir()
    _, whole = fit_synthesizer(make_recipe(**told), material, tmp_path / "whole")
    first, _ = fit_synthesizer(short, material, tmp_path / "broken")
    table.unlink()  # what was found is kept, whatever becomes of the table
    second, broken = fit_synthesizer(short, material, tmp_path / "broken")
    assert (first.finished, second.finished) == (False, True)
    assert broken.expects["conditions"] == whole.expects["conditions"]
    assert [one["name"] for one in broken.expects["conditions"]] == ["volume_2", "age"]
    (tmp_path / "broken" / CONDITIONS).unlink()
    with pytest.raises(ModelError, match="conditions cannot be read") as caught:
        fit_synthesizer(short, material, tmp_path / "broken")
    assert "state.pt" in caught.value.hint


def test_slices(scans_folder, tmp_path) -> None:
    recipe = make_recipe(spatial_dims=2, data={"shape": [12, 16]})
    result, info = fit_synthesizer(
        recipe, gather(recipe, index_cases(scans_folder), None), tmp_path
    )
    assert result.finished
    assert np.isfinite(info.expects["label_offsets"]).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"data": {"shape": [12, 18, 12]}}, "multiple of 4"),
        ({"template": {"n_modes": -1}}, "n_modes"),
        ({"augment": {"probability": 1}}, "unknown key"),
    ],
)
def test_recipes_that_mean_nothing_are_refused(changes, message) -> None:
    with pytest.raises(ConfigError, match=message):
        parse(TemplateGanRecipe, FEW | changes, "recipe.yaml")
