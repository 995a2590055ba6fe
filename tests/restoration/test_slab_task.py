"""A network for thick slices trained for a step or two: what the loop is told, what comes out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.share import Share
from medgan.models import load_model, save_model
from medgan.restoration import SlabRecipe, fit_slabs
from medgan.restoration.slab_task import N_SHOWN, SlabTask
from tests.restoration.tiny_recipes import tiny

COVERS = ("slab_recipe",)


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = SlabTask(tiny(SlabRecipe, train={"steps": 8, "reconstruction_weight": 1.0}), material)
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


def test_two_processes_see_together_what_one_with_twice_the_batch_sees(material):
    settings = {"steps": 9, "reconstruction_weight": 1.0}
    whole = SlabTask(tiny(SlabRecipe, batch_size=4, train=settings), material)
    parts = [SlabTask(tiny(SlabRecipe, batch_size=2, train=settings), material) for _ in range(2)]
    for rank, part in enumerate(parts):
        part.share = Share(rank, 2)
    for batch, *shares in zip(whole.batches(0), *(p.batches(0) for p in parts), strict=True):
        assert torch.equal(batch.target, torch.cat([share.target for share in shares]))
        assert torch.equal(batch.weight, torch.cat([share.weight for share in shares]))


def test_untrained_it_is_the_start_and_the_loss_is_charbonniers(material):
    task = SlabTask(tiny(SlabRecipe, charbonnier=0.4), material)
    batch = next(task.batches(0))
    fake = task.generate(task.generator, batch, 0)
    assert torch.equal(fake[:, 0], batch.inputs.base[:, 1:-1].flatten(0, 1))
    loss = task.reconstruction(batch.target + 0.3, batch)  # sqrt(0.09 + 0.16) - 0.4
    assert loss.item() == pytest.approx(0.1 * batch.weight.mean().item(), rel=1e-4)


def test_half_of_the_bytes_are_nearly_the_same_network(material, tmp_path):
    result, info = fit_slabs(tiny(SlabRecipe), material, tmp_path / "run")
    save_model(tmp_path / "model", result.generator, info, "card", half=True)
    loaded = load_model(tmp_path / "model", kind="thinner")
    inputs = next(SlabTask(tiny(SlabRecipe), material).batches(0)).inputs
    torch.testing.assert_close(
        loaded.network(inputs), result.generator(inputs), atol=2e-3, rtol=1e-3
    )


def test_montage_shows_four_rows_of_fixed_samples(material):
    task = SlabTask(tiny(SlabRecipe), material)
    picture = task.montage(task.generator)
    assert picture.shape == (4 * 16, N_SHOWN * 24)
    assert np.array_equal(picture, task.montage(task.generator))
