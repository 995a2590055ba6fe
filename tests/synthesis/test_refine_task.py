"""What the critic of a refined template gets to see, and what the loop may rely on."""

from __future__ import annotations

import itertools

import numpy as np
import torch

from medgan.data.signed_distance import encode
from medgan.networks.template import DeformableTemplate
from medgan.synthesis import TemplateGanRecipe
from medgan.synthesis.refine_task import RefineTask

COVERS = ("gan_task",)

SHAPE = (8, 12, 16)


def labelled(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.zeros(SHAPE, np.uint8)
    i, j, k = (int(rng.integers(1, side - 5)) for side in SHAPE)
    labels[i : i + 4, j : j + 4, k : k + 4] = 2
    labels[i + 1 : i + 3, j + 1 : j + 3] = 5
    return labels


def make_task(make_space, **changes) -> RefineTask:
    settings = {
        "kind": "template_gan",
        "name": "tiny",
        "spatial_dims": 3,
        "data": {"shape": list(SHAPE)},
        "batch_size": 3,
        "generator": {"width": 4},
        "discriminator": {"width": 4},
    }
    recipe = TemplateGanRecipe.model_validate(settings | changes)
    items = []
    for seed in range(5):
        image = np.random.default_rng(seed).uniform(-1, 1, (1, *SHAPE)).astype(np.float32)
        item = np.concatenate([image, encode(labelled(seed), (2, 5))])
        items.append({"image": torch.from_numpy(item)})
    template = DeformableTemplate(3, 3, SHAPE, 1)
    template.template.copy_(items[0]["image"])
    template.fine_spread.fill_(0.1)
    template.fine_spectrum.fill_(1)
    return RefineTask(recipe, make_space(), items, template)


def test_the_critic_sees_channels_of_spread_one_and_their_places(make_space) -> None:
    task = make_task(make_space, eye={"augment": {"probability": 0}})
    batch = {"image": torch.stack([task.samples[i, 0]["image"] for i in range(5)])}
    seen = task.augment(task.real(batch), 0)
    spread = seen.transpose(0, 1).flatten(1).std(dim=1)
    varies = spread > 1e-3
    torch.testing.assert_close(spread[varies], torch.ones(int(varies.sum())), rtol=0.02, atol=0)
    both = torch.cat([task.condition(batch), seen], dim=1)
    assert both.shape[1] == 10  # places, and seven of eight bands
    assert task.discriminator(both).shape[:2] == (5, 1)


def test_what_the_refiner_cannot_change_is_not_seen(make_space) -> None:
    task = make_task(make_space, eye={"augment": {"probability": 0}})
    images = task.real(next(task.batches(0)))
    coarse = torch.nn.functional.interpolate(images[..., ::2, ::2, ::2], scale_factor=2.0)
    torch.testing.assert_close(task.augment(images + coarse, 0), task.augment(images, 0))
    assert not torch.equal(task.augment(images + images, 0), task.augment(images, 0))


def test_fakes_depend_on_the_step_alone_and_teach_the_refiner(make_space) -> None:
    task = make_task(make_space)
    batch, later = itertools.islice(task.batches(0), 2)
    fakes = task.generate(task.generator, batch, 7)
    assert torch.equal(fakes, task.generate(task.generator, later, 7))
    assert not torch.equal(fakes, task.generate(task.generator, batch, 8))
    seen = torch.cat([task.condition(batch), task.augment(fakes, 7)], dim=1)
    task.discriminator(seen).mean().backward()
    gradient = task.generator.refiner.leave.weight.grad
    assert gradient is not None
    assert gradient.abs().max() > 0


def test_the_critic_sees_what_is_delivered(make_space) -> None:
    """Bright draws are cut at 1, as the finished network cuts them."""
    task = make_task(make_space)
    task.generator.template.template.mul_(3)
    batch = next(task.batches(0))
    task.drawn = None
    fakes = task.generate(task.generator, batch, 0)
    delivered = task.generator.eval()(task.latents(batch, 0))[:, :1]
    assert fakes.max() == 1
    torch.testing.assert_close(fakes, delivered)


def test_montage_is_a_grey_picture(make_space) -> None:
    task = make_task(make_space)
    picture = task.montage(task.generator.eval())
    assert (picture.dtype, picture.ndim) == (np.uint8, 2)
