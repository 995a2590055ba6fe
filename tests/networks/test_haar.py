"""The Haar wavelet: exact inverse, kept energy, and bands that mean what they say."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.haar import haar, unhaar

SHAPES = [(6, 8), (4, 6, 8)]


@pytest.mark.parametrize("shape", SHAPES)
def test_there_and_back_keeps_values_and_energy(shape: tuple[int, ...]) -> None:
    images = torch.randn(2, 3, *shape, generator=torch.Generator().manual_seed(0))
    bands = haar(images)
    assert bands.shape == (2, 3 * 2 ** len(shape), *(side // 2 for side in shape))
    torch.testing.assert_close(unhaar(bands), images)
    torch.testing.assert_close(bands.square().sum(), images.square().sum())


@pytest.mark.parametrize("shape", SHAPES)
def test_means_come_first_and_a_constant_has_nothing_else(shape: tuple[int, ...]) -> None:
    images = torch.stack([torch.full(shape, 0.5), torch.full(shape, -1.0)])[None]
    bands = haar(images)
    scale = 2 ** (len(shape) / 2)  # of an orthonormal mean over blocks of two
    torch.testing.assert_close(bands[0, 0], torch.full_like(bands[0, 0], 0.5 * scale))
    torch.testing.assert_close(bands[0, 1], torch.full_like(bands[0, 1], -scale))
    assert not bands[0, 2:].any()


def test_an_edge_along_one_axis_lies_in_the_band_of_that_axis() -> None:
    image = torch.zeros(1, 1, 4, 4)
    image[..., 1:, :] = 1  # between the voxels of the first block along the first axis
    bands = haar(image)[0]
    assert bands[1, 0].abs().min() > 0.9
    assert not bands[1, 1].any()
    assert not bands[2:].any()


def test_odd_sides_are_refused() -> None:
    with pytest.raises(ValueError, match="even"):
        haar(torch.zeros(1, 1, 4, 5))
