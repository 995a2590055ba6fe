"""Noise to take away: what the loop is told about it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medgan.data.noisy_samples import REACH
from medgan.restoration import DenoiserRecipe
from medgan.restoration.denoise_task import N_SHOWN, DenoiserTask
from tests.restoration.tiny_recipes import tiny

COVERS = ("denoise_recipe",)


def test_a_step_has_the_same_batch_wherever_a_run_starts(material):
    task = DenoiserTask(
        tiny(DenoiserRecipe, train={"steps": 4, "reconstruction_weight": 1.0}), material
    )
    whole, resumed = list(task.batches(0)), list(task.batches(3))
    assert (len(whole), len(resumed)) == (4, 1)
    assert torch.equal(whole[3].slices, resumed[0].slices)
    assert torch.equal(whole[3].target, resumed[0].target)
    assert whole[0].slices.shape == (3, 5, 16, 24)
    assert whole[0].target.shape == (3, 1, 16, 24)


def test_the_loss_is_minus_the_psnr_of_what_is_left(material):
    """In nepers: ln(10) / 20 for each decibel; untrained, what is left is the noise itself."""
    task = DenoiserTask(tiny(DenoiserRecipe, floor_db=200), material)
    batch = next(task.batches(0))
    fake = task.generate(task.generator, batch, 0)
    assert torch.equal(fake, batch.slices[:, REACH : REACH + 1])
    mse = (fake - batch.target).square().flatten(1).mean(dim=1)
    psnr = -10 * torch.log10(mse)
    loss = task.reconstruction(fake, batch)
    assert loss.item() == pytest.approx(-psnr.mean().item() * np.log(10) / 20, rel=1e-5)


def test_montage_shows_four_rows_of_fixed_samples(material):
    task = DenoiserTask(tiny(DenoiserRecipe), material)
    picture = task.montage(task.generator)
    assert picture.shape == (4 * 16, N_SHOWN * 24)
    assert np.array_equal(picture, task.montage(task.generator))
