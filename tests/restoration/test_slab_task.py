"""A network for thick slices trained for a step or two: what the loop is told, what comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.slice_samples import Volume
from medgan.data.volumes import TrainingVolumes
from medgan.errors import ConfigError, ModelError
from medgan.models import load_model, save_model
from medgan.restoration import SlabRecipe, fit_slabs
from medgan.restoration.slab_task import N_SHOWN, SlabTask
from medgan.settings import parse
from tests.restoration.phantom import make_scan

COVERS = ("slab_recipe",)


def recipe(**changes):
    settings = {
        "kind": "slabs",
        "name": "tiny",
        "licence": "CC0-1.0",
        "batch_size": 3,
        "slabs": {"crop": (16, 24), "block": (5, 32), "pool": 2, "reuse": 2},
        "generator": {"widths": (8, 8, 8)},
        "discriminator": {"width": 8},
        "train": {"steps": 2, "reconstruction_weight": 1.0, "adversarial_weight": 0.1},
    }
    return SlabRecipe.model_validate(settings | changes)


@pytest.fixture(scope="module")
def material():
    values = (make_scan().values / 1500).astype(np.float32)
    return TrainingVolumes((Volume(values, (1.0, 1.0, 1.0), (2,), "a"),), ("ab" * 32,), {})


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = SlabTask(recipe(train={"steps": 8, "reconstruction_weight": 1.0}), material)
    whole = list(task.batches(0))
    again = SlabTask(task.recipe, material)
    resumed = list(again.batches(7))
    assert (len(whole), len(resumed)) == (8, 1)
    for a, b in zip(
        (*whole[7].inputs, whole[7].target), (*resumed[0].inputs, resumed[0].target), strict=True
    ):
        assert torch.equal(a, b)
    factor = whole[0].inputs.base.shape[1] - 2
    assert whole[0].inputs.thick.shape == (3, 5, 16, 24)
    assert whole[0].target.shape == (3 * factor, 1, 16, 24)
    assert whole[0].weight.shape == (3 * factor,)


def test_untrained_it_is_the_start_and_the_loss_is_charbonniers(material):
    task = SlabTask(recipe(charbonnier=0.4), material)
    batch = next(task.batches(0))
    fake = task.generate(task.generator, batch, 0)
    assert torch.equal(fake[:, 0], batch.inputs.base[:, 1:-1].flatten(0, 1))
    loss = task.reconstruction(batch.target + 0.3, batch)  # sqrt(0.09 + 0.16) - 0.4
    assert loss.item() == pytest.approx(0.1 * batch.weight.mean().item(), rel=1e-4)


def test_a_short_run_leaves_a_model_that_loads_and_can_be_gone_on_from(material, tmp_path):
    result, info = fit_slabs(recipe(), material, tmp_path / "run")
    assert result.finished
    assert info.kind == "thinner"
    save_model(tmp_path / "model", result.generator, info, "card", half=True)
    loaded = load_model(tmp_path / "model", kind="thinner")
    inputs = next(SlabTask(recipe(), material).batches(0)).inputs
    torch.testing.assert_close(
        loaded.network(inputs), result.generator(inputs), atol=2e-3, rtol=1e-3
    )
    picture = SlabTask(recipe(), material).montage(result.generator)
    assert picture.shape == (4 * 16, N_SHOWN * 24)
    on = recipe(warm_start=str(tmp_path / "model"))
    assert fit_slabs(on, material, tmp_path / "on")[0].finished
    wider = recipe(warm_start=str(tmp_path / "model"), generator={"widths": (16, 8, 8)})
    with pytest.raises(ModelError, match="not the one of the recipe"):
        fit_slabs(wider, material, tmp_path / "wider")


def test_test_scans_are_never_trained_on():
    document = recipe().model_dump(mode="json") | {"train_parts": ["train", "test"]}
    with pytest.raises(ConfigError, match="never trained on"):
        parse(SlabRecipe, document, "here")
