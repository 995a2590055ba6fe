"""Bands add up to the image, and blurs are those of another program."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from medgan.networks.bands import N_BANDS, SIGMAS, blur, log_sizes, scaled, split

SHAPES = [(12, 17), (9, 12, 10)]


def noise(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(2, 1, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sigma", SIGMAS)
def test_a_blur_is_that_of_another_program(shape: tuple[int, ...], sigma: float) -> None:
    images = noise(shape)
    radius = int(np.ceil(3 * sigma))
    for image, found in zip(images[:, 0].numpy(), blur(images, sigma)[:, 0], strict=True):
        wanted = ndimage.gaussian_filter(image, sigma, mode="nearest", radius=radius)
        np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_bands_and_the_coarsest_blur_add_up_to_the_image(shape: tuple[int, ...]) -> None:
    images = noise(shape)
    bands = split(images)
    assert len(bands) == N_BANDS
    torch.testing.assert_close(torch.stack(bands).sum(dim=0) + blur(images, SIGMAS[-1]), images)


@pytest.mark.parametrize("shape", SHAPES)
def test_each_image_has_gains_of_its_own(shape: tuple[int, ...]) -> None:
    images = noise(shape)
    gains = torch.zeros(2, N_BANDS)
    torch.testing.assert_close(scaled(images, gains), images, rtol=0, atol=0)
    gains[1, 0] = torch.log(torch.tensor(3.0))
    made = scaled(images, gains)
    torch.testing.assert_close(made[0], images[0], rtol=0, atol=0)
    torch.testing.assert_close(made[1], images[1] + 2 * split(images)[0][1])


def test_sizes_follow_the_contrast_and_a_flat_image_has_none() -> None:
    images = noise((16, 16))
    torch.testing.assert_close(log_sizes(images / 8), log_sizes(images) - np.log(8))
    assert log_sizes(torch.ones(1, 1, 8, 8)).exp().max() < 2e-6
