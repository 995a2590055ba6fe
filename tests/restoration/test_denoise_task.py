"""A denoiser trained for a step or two: what the loop is told, and what comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.noisy_samples import REACH
from medgan.data.slice_samples import Volume
from medgan.data.volumes import TrainingVolumes
from medgan.errors import ConfigError, ModelError
from medgan.models import load_model, save_model
from medgan.restoration import DenoiserRecipe, fit_denoiser
from medgan.restoration.denoise_task import N_SHOWN, DenoiserTask
from medgan.settings import parse
from tests.restoration.phantom import make_scan

COVERS = ("denoise_recipe",)


def recipe(**changes):
    settings = {
        "kind": "denoising",
        "name": "tiny",
        "licence": "CC0-1.0",
        "batch_size": 3,
        "crops": {"crop": (16, 24)},
        "generator": {"widths": (8, 8, 8)},
        "discriminator": {"width": 8},
        "train": {"steps": 2, "reconstruction_weight": 1.0, "adversarial_weight": 0.1},
    }
    return DenoiserRecipe.model_validate(settings | changes)


@pytest.fixture(scope="module")
def material():
    values = (make_scan().values / 1500).astype(np.float32)
    return TrainingVolumes((Volume(values, (1.0, 1.0, 1.0), (2,), "a"),), ("ab" * 32,), {})


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = DenoiserTask(recipe(train={"steps": 4, "reconstruction_weight": 1.0}), material)
    whole, resumed = list(task.batches(0)), list(task.batches(3))
    assert (len(whole), len(resumed)) == (4, 1)
    assert torch.equal(whole[3].slices, resumed[0].slices)
    assert torch.equal(whole[3].target, resumed[0].target)
    assert whole[0].slices.shape == (3, 5, 16, 24)
    assert whole[0].target.shape == (3, 1, 16, 24)


def test_the_loss_is_minus_the_psnr_of_what_is_left(material):
    """In nepers: ln(10) / 20 for each decibel; untrained, what is left is the noise itself."""
    task = DenoiserTask(recipe(floor_db=200), material)
    batch = next(task.batches(0))
    fake = task.generate(task.generator, batch, 0)
    assert torch.equal(fake, batch.slices[:, REACH : REACH + 1])
    mse = (fake - batch.target).square().flatten(1).mean(dim=1)
    psnr = -10 * torch.log10(mse)
    loss = task.reconstruction(fake, batch)
    assert loss.item() == pytest.approx(-psnr.mean().item() * np.log(10) / 20, rel=1e-5)


def test_a_short_run_leaves_a_model_that_loads(material, tmp_path):
    result, info = fit_denoiser(recipe(), material, tmp_path / "run")
    assert result.finished
    assert info.kind == "denoiser"
    save_model(tmp_path / "model", result.generator, info, "card")
    loaded = load_model(tmp_path / "model", kind="denoiser")
    slices = torch.rand(1, 5, 20, 20)
    torch.testing.assert_close(loaded.network(slices), result.generator(slices))
    picture = DenoiserTask(recipe(), material).montage(result.generator)
    assert picture.shape == (4 * 16, N_SHOWN * 24)


def test_a_run_can_go_on_from_a_model(material, tmp_path):
    result, info = fit_denoiser(recipe(), material, tmp_path / "run")
    save_model(tmp_path / "model", result.generator, info, "card")
    frozen = {
        "steps": 1,
        "reconstruction_weight": 1.0,
        "adversarial_weight": 0,
        "generator_lr": 1e-12,
        "ema_half_life": 0,
    }
    start = str(tmp_path / "model")
    warm, _ = fit_denoiser(recipe(warm_start=start, train=frozen), material, tmp_path / "warm")
    for name, weight in warm.generator.state_dict().items():
        torch.testing.assert_close(weight, result.generator.state_dict()[name])
    wider = recipe(warm_start=start, generator={"widths": (8, 8, 16)})
    with pytest.raises(ModelError, match="not the one of the recipe"):
        fit_denoiser(wider, material, tmp_path / "other")


def test_test_scans_are_never_trained_on():
    document = recipe().model_dump(mode="json") | {"train_parts": ["train", "test"]}
    with pytest.raises(ConfigError, match="never trained on"):
        parse(DenoiserRecipe, document, "here")
