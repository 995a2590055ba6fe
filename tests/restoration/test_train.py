"""A slice inpainter trained for a step or two: what the loop is told, and what comes out."""

import numpy as np
import pytest
import torch

from medgan.data.slice_samples import DamageSettings, Volume
from medgan.data.volumes import TrainingVolumes
from medgan.errors import ConfigError, ModelError
from medgan.interpolation import K
from medgan.models import save_model
from medgan.restoration import RestorerRecipe, fit_restorer
from medgan.restoration.task import N_SHOWN, RestorerTask
from medgan.settings import parse
from tests.restoration.phantom import make_scan

COVERS = ("batch", "recipe", "task")


def recipe(**changes):
    settings = {
        "kind": "restoration",
        "name": "tiny",
        "licence": "CC0-1.0",
        "batch_size": 3,
        "n_workers": 0,
        "damage": DamageSettings(crop=(16, 24), window=32),
        "generator": {"widths": (8, 8, 8)},
        "discriminator": {"width": 8},
        "train": {"steps": 2, "reconstruction_weight": 1.0, "adversarial_weight": 0.1},
    }
    return RestorerRecipe.model_validate(settings | changes)


@pytest.fixture(scope="module")
def material():
    values = (make_scan().values / 1500).astype(np.float32)
    return TrainingVolumes((Volume(values, (1.0, 1.0, 1.0), (2,), "a"),), ("ab" * 32,), {})


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = RestorerTask(recipe(train={"steps": 4, "reconstruction_weight": 1.0}), material)
    whole, resumed = list(task.batches(0)), list(task.batches(3))
    assert (len(whole), len(resumed)) == (4, 1)
    for first, again in zip(
        (*whole[3].inputs, whole[3].target), (*resumed[0].inputs, resumed[0].target), strict=True
    ):
        assert torch.equal(first, again)
    assert whole[0].target.shape == (3, 1, 16, 24)
    assert whole[0].inputs.neighbours.shape == (3, 2 * K, 16, 24)


def test_the_critic_sees_the_measured_slices_on_both_sides(material):
    task = RestorerTask(recipe(), material)
    batch = next(task.batches(0))
    sides = task.condition(batch)
    assert torch.equal(sides, batch.inputs.neighbours[:, [K - 1, K]])
    seen = torch.cat([sides, task.real(batch)], dim=1)
    assert torch.isfinite(task.discriminator(seen)).all()


def test_the_loss_is_zero_at_the_truth_absolute_far_off_and_weighted(material):
    task = RestorerTask(recipe(), material)
    batch = next(task.batches(0))
    assert task.reconstruction(batch.target, batch) == pytest.approx(0, abs=1e-7)
    eps = task.recipe.charbonnier
    far = task.reconstruction(batch.target + 2, batch)
    expected = (np.hypot(2, eps) - eps) * batch.weight.mean()
    assert far == pytest.approx(float(expected), rel=1e-5)


def test_montage_shows_five_rows_of_fixed_samples(material):
    task = RestorerTask(recipe(), material)
    picture = task.montage(task.generator)
    assert picture.shape == (5 * 16, N_SHOWN * 24)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, task.montage(task.generator))


def test_the_model_says_what_it_was_made_of_and_can_be_gone_on_from(material, tmp_path):
    result, info = fit_restorer(recipe(), material, tmp_path / "run")
    assert result.finished
    assert (info.kind, info.architecture, info.licence) == ("restorer", "slice_net", "CC0-1.0")
    assert info.training["sha256"] == ["ab" * 32]
    assert (info.training["steps"], info.training["n_scans"]) == (2, 1)
    save_model(tmp_path / "model", result.generator, info, "card")

    frozen = {
        "steps": 1,
        "reconstruction_weight": 1.0,
        "adversarial_weight": 0,
        "generator_lr": 1e-12,
        "ema_half_life": 0,
    }
    again = recipe(warm_start=str(tmp_path / "model"), train=frozen)
    warm, _ = fit_restorer(again, material, tmp_path / "warm")
    for name, weight in warm.generator.state_dict().items():
        torch.testing.assert_close(weight, result.generator.state_dict()[name])


def test_a_model_with_another_network_is_no_start(material, tmp_path):
    result, info = fit_restorer(recipe(), material, tmp_path / "run")
    save_model(tmp_path / "model", result.generator, info, "card")
    wider = recipe(warm_start=str(tmp_path / "model"), generator={"widths": (8, 8, 16)})
    with pytest.raises(ModelError, match="not the one of the recipe") as caught:
        fit_restorer(wider, material, tmp_path / "other")
    assert caught.value.where == "tiny"
    assert "warm_start" in caught.value.hint


def test_test_scans_are_never_trained_on():
    settings = recipe().model_dump(mode="json") | {"train_parts": ["train", "test"]}
    with pytest.raises(ConfigError, match="test scans are never trained on"):
        parse(RestorerRecipe, settings, "a recipe")
