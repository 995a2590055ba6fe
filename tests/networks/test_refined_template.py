"""The refined template: nothing changes before training, and labels never do."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from medgan.networks import build
from medgan.networks.refined_template import RefinedTemplate, positions

SHAPES = [(12, 16), (8, 12, 16)]


def make(shape: tuple[int, ...], *, trained: bool = False) -> RefinedTemplate:
    settings = {
        "spatial_dims": len(shape),
        "out_channels": 2,
        "shape": list(shape),
        "n_modes": 2,
        "width": 4,
    }
    network = build("refined_template", settings)
    assert isinstance(network, RefinedTemplate)
    network.template.template.uniform_(-0.5, 0.5, generator=torch.Generator().manual_seed(0))
    network.template.fine_spread.fill_(0.1)
    network.template.fine_spectrum.fill_(1)
    if trained:
        with torch.no_grad():
            for layer in (network.refiner.leave, network.refiner.strength):
                layer.weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    return network


@pytest.mark.parametrize("shape", SHAPES)
def test_the_texture_is_made_stronger_by_the_gain(shape: tuple[int, ...]) -> None:
    """With a gain of 1/2 everywhere and no residual: half as much again of its detail."""
    network = make(shape)
    with torch.no_grad():
        network.refiner.leave.bias[2 ** len(shape) - 1 :] = 0.5
    samples, texture = network.template.parts(latents(network, 2)[:, : network.template.latent])
    noise = torch.zeros(2, network.refiner.latent)
    made = network.refiner(samples, texture, noise)
    expected = samples[:, :1] + 1.5 * texture - 0.5 * means(texture)
    torch.testing.assert_close(made[:, :1], expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_means_over_two_voxels_stay(shape: tuple[int, ...]) -> None:
    network = make(shape, trained=True)
    samples, texture = network.template.parts(latents(network, 2)[:, : network.template.latent])
    noise = torch.randn(2, network.refiner.latent, generator=torch.Generator().manual_seed(3))
    made, plain = network.refiner(samples, texture, noise)[:, :1], samples[:, :1] + texture
    torch.testing.assert_close(means(made), means(plain))
    assert (made - plain).abs().mean() > 0.01


def means(images: torch.Tensor) -> torch.Tensor:
    """Means over blocks of two voxels along each axis, on the grid of the images."""
    pool = functional.avg_pool2d if images.ndim == 4 else functional.avg_pool3d
    return functional.interpolate(pool(images, 2), scale_factor=2.0)


def latents(network: RefinedTemplate, n: int) -> torch.Tensor:
    return torch.randn(n, network.latent, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("shape", SHAPES)
def test_before_training_a_sample_is_the_draw_of_the_template(shape: tuple[int, ...]) -> None:
    network = make(shape)
    network.template.gain_mean.fill_(0.2)
    network.template.gain_root.copy_(0.1 * torch.eye(3))
    z = latents(network, 3)
    drawn = network.template(z[:, : network.template.latent])
    torch.testing.assert_close(network(z), drawn, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_image_changes_and_the_labels_stay(shape: tuple[int, ...]) -> None:
    network = make(shape, trained=True)
    z = latents(network, 3)
    made, drawn = network(z), network.template(z[:, : network.template.latent])
    assert made.shape == (3, 2, *shape)
    assert made.abs().max() <= 1
    assert (made[:, 0] - drawn[:, 0]).abs().mean() > 0.01
    assert torch.equal(made[:, 1:], drawn[:, 1:])


def test_each_of_the_noises_matters() -> None:
    network = make((12, 16), trained=True)
    z = latents(network, 1)
    start = network.template.latent
    for n_values in (4, 4 * 3 * 4):  # of a case, on a quarter of the grid
        other = z.clone()
        other[:, start : start + n_values] *= -1
        assert not torch.equal(network(other), network(z))
        start += n_values
    assert start == network.latent


@pytest.mark.parametrize("shape", [(48, 8), (40, 8, 8)])
def test_slab_by_slab_is_the_same(shape: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    network = make(shape, trained=True)
    z = latents(network, 1)
    with torch.no_grad():
        whole = network(z)
        monkeypatch.setattr("medgan.networks.refined_template.SLAB", 2)
        torch.testing.assert_close(network(z), whole, rtol=0, atol=1e-5)
        monkeypatch.setattr("medgan.networks.refined_template.REACH", 4)
        assert (network(z) - whole).abs().max() > 1e-5  # it could fail


@pytest.mark.parametrize("shape", SHAPES)
def test_every_parameter_gets_a_finite_gradient(shape: tuple[int, ...]) -> None:
    network = make(shape, trained=True)
    network(latents(network, 2))[:, 0].square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name


def test_positions_run_from_minus_one_to_one() -> None:
    where = positions(torch.zeros(2, 1, 3, 5))
    assert where.shape == (2, 2, 3, 5)
    assert where[1, 0, :, 2].tolist() == [-1, 0, 1]
    assert where[0, 1, 1].tolist() == [-1, -0.5, 0, 0.5, 1]


def test_sides_that_cannot_be_quartered_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 4"):
        build(
            "refined_template",
            {"spatial_dims": 2, "out_channels": 1, "shape": [8, 10], "n_modes": 0},
        )
