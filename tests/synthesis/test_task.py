"""The task: what the loop asks of it depends on the step alone."""

import itertools

import numpy as np
import pytest
import torch

from medgan.synthesis.settings import SynthesizeRecipe
from medgan.synthesis.task import SynthesisTask


def make_task(make_space, **changes):
    settings = {
        "kind": "synthesis",
        "name": "tiny",
        "spatial_dims": 3,
        "data": {"shape": [8, 12, 16]},
        "batch_size": 4,
        "generator": {"latent": 8, "base_channels": 16},
        "discriminator": {"base_channels": 8},
        "eye": {"augment": {"probability": 0.7}, "noise": 0.2, "noise_steps": 10},
        "train": {"seed": 3},
    }
    recipe = SynthesizeRecipe.model_validate(settings | changes)
    rng = np.random.default_rng(0)
    items = [
        {"image": torch.from_numpy(rng.uniform(-1, 1, (3, 8, 12, 16)).astype(np.float32))}
        for _ in range(5)
    ]
    return SynthesisTask(recipe, make_space(), items)


def test_two_tasks_of_one_seed_are_the_same(make_space):
    first, second = make_task(make_space), make_task(make_space)
    for a, b in zip(first.generator.parameters(), second.generator.parameters(), strict=True):
        assert torch.equal(a, b)
    other = make_task(make_space, train={"seed": 4})
    assert not torch.equal(other.generator.dense.weight, first.generator.dense.weight)


def test_networks_do_not_touch_the_global_random_state(make_space):
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    task = make_task(make_space)
    batch = next(task.batches(0))
    task.augment(task.generate(task.generator, batch, 0), 0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_fakes_depend_on_the_step_alone(make_space):
    task = make_task(make_space)
    task.generator.eval()
    batch, later = itertools.islice(task.batches(0), 2)
    fakes = task.generate(task.generator, batch, 7)
    assert fakes.shape == task.real(batch).shape == (4, 3, 8, 12, 16)
    assert torch.equal(fakes, task.generate(task.generator, later, 7))
    assert not torch.equal(fakes, task.generate(task.generator, batch, 8))


def test_the_eye_blurs_less_and_less(make_space):
    task = make_task(make_space, eye={"noise": 0.2, "noise_steps": 10})
    images = torch.zeros(4, 3, 8, 12, 16)
    for step, sigma in ((0, 0.2), (5, 0.1), (10, 0.0), (50, 0.0)):
        assert task.augment(images, step).std().item() == pytest.approx(sigma, abs=0.005)
    assert torch.equal(task.augment(images, 3), task.augment(images, 3))
    assert not torch.equal(task.augment(images, 3), task.augment(images, 4))


def test_gradients_reach_the_generator_through_the_eye(make_space):
    task = make_task(make_space)
    batch = next(task.batches(0))
    fakes = task.generate(task.generator, batch, 0)
    task.discriminator(task.augment(fakes, 0)).mean().backward()
    for name, parameter in task.generator.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_montage_is_a_grey_picture(make_space):
    task = make_task(make_space)
    picture = task.montage(task.generator.eval())
    assert picture.dtype == np.uint8
    assert picture.ndim == 2
    assert np.array_equal(picture, task.montage(task.generator))
