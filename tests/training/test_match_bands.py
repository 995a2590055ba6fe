"""The images of a refined template get the power of real ones, band by band."""

from __future__ import annotations

import pytest
import torch

from medgan.networks.haar import haar, unhaar
from medgan.networks.refined_template import RefinedTemplate
from medgan.training.match_bands import LARGEST, SMALLEST, match_bands, scale_to_vary

SHAPES = [(16, 24), (8, 12, 16)]


def network_of(shape: tuple[int, ...], spread: float) -> RefinedTemplate:
    network = RefinedTemplate(len(shape), 1, shape, n_modes=0, width=4)
    network.template.fine_spread.fill_(spread)
    network.template.fine_spectrum.fill_(1)
    return network.eval()


def band_spread(images: torch.Tensor) -> torch.Tensor:
    return haar(images).transpose(0, 1).flatten(1).std(dim=1)


@pytest.mark.parametrize("shape", SHAPES)
def test_power_of_each_band_becomes_that_of_the_cases(shape: tuple[int, ...]) -> None:
    """White noise of 0.1 is to become noise of 0.13 that is weaker in the second band."""
    network = network_of(shape, 0.1)
    source = torch.Generator().manual_seed(5)
    cases = 0.13 * torch.randn(60, 1, *shape, generator=source)
    bands = haar(cases)
    bands[:, 1] *= 0.6
    cases = unhaar(bands)
    match_bands(network, cases)
    z = torch.randn(60, network.latent, generator=source)
    with torch.no_grad():
        made = network(z)
    torch.testing.assert_close(band_spread(made), band_spread(cases), rtol=0.06, atol=0)
    assert network.refiner.band_scale[1].max() < 0.95 < 1.1 < network.refiner.band_scale[0].min()


def test_images_of_the_network_itself_ask_for_no_change() -> None:
    """Bright ones: half of their voxels are cut at 1, in samples as in the cases."""
    network = network_of((16, 24), 0.3)
    network.template.template.fill_(0.95)
    z = torch.randn(300, network.latent, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        match_bands(network, network(z))
    assert network.refiner.band_scale.mean().item() == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("spread", "expected"), [(0.01, LARGEST), (0.5, SMALLEST)])
def test_it_corrects_within_bounds(spread: float, expected: float) -> None:
    network = network_of((16, 24), spread)
    match_bands(network, 0.1 * torch.randn(20, 1, 16, 24))
    assert network.refiner.band_scale.unique().tolist() == [expected]


def test_without_texture_nothing_is_scaled_and_it_can_be_repeated() -> None:
    network = network_of((16, 24), 0.0)
    match_bands(network, torch.randn(20, 1, 16, 24))
    assert network.refiner.band_scale.unique().tolist() == [1.0]
    network = network_of((16, 24), 0.1)
    cases = 0.12 * torch.randn(20, 1, 16, 24)
    match_bands(network, cases)
    first = network.refiner.band_scale.clone()
    match_bands(network, cases)
    assert torch.equal(network.refiner.band_scale, first)


def test_images_vary_in_each_region_as_the_cases_do() -> None:
    """Independent parts with spreads of 3 and 4 make 5; with 8 instead of 4, half of it does."""
    source = torch.Generator().manual_seed(3)
    b, a, real = (torch.randn(4000, 1, 4, 4, generator=source) for _ in range(3))
    a[:, :, 2:] *= 2
    scale = scale_to_vary(3 * b, 4 * a, 5 * real, (2, 2))
    expected = torch.tensor([[[[1.0, 1.0], [0.5, 0.5]]]])
    torch.testing.assert_close(scale, expected, rtol=0.05, atol=0)
    same = scale_to_vary(b, b, 3 * b, (1, 1))  # b + 2 b
    torch.testing.assert_close(same, torch.full((1, 1, 1, 1), 2.0), rtol=1e-3, atol=0)
