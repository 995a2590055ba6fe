"""Slices to fill: what the loop is told about them."""

import numpy as np
import pytest
import torch

from medgan.interpolation import K
from medgan.restoration import RestorerRecipe
from medgan.restoration.task import N_SHOWN, RestorerTask
from tests.restoration.tiny_recipes import tiny

COVERS = ("batch", "recipe")

FOUR_STEPS = {"steps": 4, "reconstruction_weight": 1.0}


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = RestorerTask(tiny(RestorerRecipe, train=FOUR_STEPS), material)
    whole, resumed = list(task.batches(0)), list(task.batches(3))
    assert (len(whole), len(resumed)) == (4, 1)
    for first, again in zip(
        (*whole[3].inputs, whole[3].target), (*resumed[0].inputs, resumed[0].target), strict=True
    ):
        assert torch.equal(first, again)
    assert whole[0].target.shape == (3, 1, 16, 24)
    assert whole[0].inputs.neighbours.shape == (3, 2 * K, 16, 24)


def test_the_critic_sees_the_measured_slices_on_both_sides(material):
    task = RestorerTask(tiny(RestorerRecipe), material)
    batch = next(task.batches(0))
    sides = task.condition(batch)
    assert torch.equal(sides, batch.inputs.neighbours[:, [K - 1, K]])
    seen = torch.cat([sides, task.real(batch)], dim=1)
    assert torch.isfinite(task.discriminator(seen)).all()


def test_the_loss_is_zero_at_the_truth_absolute_far_off_and_weighted(material):
    task = RestorerTask(tiny(RestorerRecipe), material)
    batch = next(task.batches(0))
    assert task.reconstruction(batch.target, batch) == pytest.approx(0, abs=1e-7)
    eps = task.recipe.charbonnier
    far = task.reconstruction(batch.target + 2, batch)
    expected = (np.hypot(2, eps) - eps) * batch.weight.mean()
    assert far == pytest.approx(float(expected), rel=1e-5)


def test_montage_shows_five_rows_of_fixed_samples(material):
    task = RestorerTask(tiny(RestorerRecipe), material)
    picture = task.montage(task.generator)
    assert picture.shape == (5 * 16, N_SHOWN * 24)
    assert picture.dtype == np.uint8
    assert np.array_equal(picture, task.montage(task.generator))
