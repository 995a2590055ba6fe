"""Augmentation: what is drawn, and what it does to known samples."""

import numpy as np
import pytest
import torch

from medgan.data.augmentation import Augmentation, AugmentSettings, apply, draw

ALL = AugmentSettings(probability=1.0, shift_voxels=2, flip_axes=(0, 1, 2))


def unchanged(n, dims):
    return Augmentation(
        np.zeros((n, dims), np.int64),
        np.zeros((n, dims), bool),
        np.ones(n, np.float32),
        np.zeros(n, np.float32),
    )


def ramp(n, shape):
    """Samples whose two channels tell the coordinate sums: any move is visible."""
    weights = [1.0, 100.0, 10000.0][: len(shape)]
    field = sum(w * c for w, c in zip(weights, np.indices(shape), strict=True))
    return torch.from_numpy(np.stack([field, -field]).astype(np.float32)).repeat(
        n, *[1] * (1 + len(shape))
    )


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 5)])
def test_nothing_drawn_changes_nothing(shape):
    images = ramp(3, shape)
    assert torch.equal(apply(images, unchanged(3, len(shape))), images)
    drawn = draw(AugmentSettings(probability=0), np.random.default_rng(0), 3, len(shape))
    assert torch.equal(apply(images, drawn), images)


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 5)])
def test_shift_repeats_the_border(shape):
    change = unchanged(2, len(shape))
    change.shifts[1, 0] = 2
    images = ramp(2, shape)
    moved = apply(images, change)
    assert torch.equal(moved[0], images[0])
    assert torch.equal(moved[1, :, 2:], images[1, :, :-2])
    assert torch.equal(moved[1, :, :2], images[1, :, :1].expand_as(moved[1, :, :2]))


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 5)])
def test_flip_mirrors_one_axis_of_one_sample(shape):
    change = unchanged(2, len(shape))
    change.flips[0, 1] = True
    images = ramp(2, shape)
    assert torch.equal(apply(images, change)[0], images[0].flip(2))
    assert torch.equal(apply(images, change)[1], images[1])


def test_brightness_and_contrast_leave_labels_alone():
    images = ramp(1, (6, 8))
    change = unchanged(1, 2)
    change.gain[:], change.offset[:] = 1.5, 0.25
    changed = apply(images, change)
    torch.testing.assert_close(changed[:, :1], images[:, :1] * 1.5 + 0.25)
    assert torch.equal(changed[:, 1:], images[:, 1:])


def test_draws_stay_within_their_settings():
    drawn = draw(ALL, np.random.default_rng(0), 2000, 3)
    assert set(np.unique(drawn.shifts)) == {-2, -1, 0, 1, 2}
    assert 0.45 < drawn.flips.mean() < 0.55
    assert np.abs(drawn.gain - 1).max() <= 0.2
    assert np.abs(drawn.offset).max() <= 0.1
    half = draw(AugmentSettings(probability=0.5), np.random.default_rng(0), 2000, 3)
    assert not half.flips.any()
    assert 0.45 < (half.gain != 1).mean() < 0.55


def test_gradients_pass_to_every_voxel_that_is_seen():
    images = ramp(2, (6, 8, 5)).requires_grad_()
    drawn = draw(ALL, np.random.default_rng(1), 2, 3)
    (gradient,) = torch.autograd.grad(apply(images, drawn).sum(), images)
    assert torch.isfinite(gradient).all()
    # Labels have gain 1: all weight of the output arrives at the input.
    assert gradient[:, 1].sum() == images[:, 1].numel()
