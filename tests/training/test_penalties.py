from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from medgan.training.penalties import gradient_penalty

SHAPES = [(5, 2, 6, 7), (3, 2, 4, 5, 6)]


def double(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_linear_discriminator_has_the_gradient_of_its_weights(shape: tuple[int, ...]) -> None:
    weights = double(*shape[1:]).requires_grad_(True)
    penalty = gradient_penalty(lambda x: (x * weights).flatten(1).sum(dim=1), double(*shape))
    torch.testing.assert_close(penalty, weights.square().sum(), atol=1e-5, rtol=0)
    (gradient,) = torch.autograd.grad(penalty, weights)
    torch.testing.assert_close(gradient, 2 * weights, atol=1e-5, rtol=0)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_curved_discriminator_and_its_second_derivatives(shape: tuple[int, ...]) -> None:
    """D(x) = a tanh(w.x): |dD/dx|^2 = a^2 s^2 |w|^2 with s = 1 - tanh(w.x)^2, by hand."""
    x = double(*shape)
    w = (0.1 * double(*shape[1:])).requires_grad_(True)
    a = torch.tensor(1.7, dtype=torch.float64, requires_grad=True)
    penalty = gradient_penalty(lambda images: a * (images * w).flatten(1).sum(dim=1).tanh(), x)
    t = (x * w).flatten(1).sum(dim=1).tanh().detach()
    s, length = 1 - t**2, w.detach().square().sum()
    torch.testing.assert_close(penalty, (a**2 * s**2 * length).mean(), atol=1e-5, rtol=0)
    by_a, by_w = torch.autograd.grad(penalty, (a, w))
    torch.testing.assert_close(by_a, (2 * a * s**2 * length).mean(), atol=1e-5, rtol=0)
    column = (-1,) + (1,) * (len(shape) - 1)
    along_x = (-4 * t * s**2 * length).view(column) * x
    expected = a**2 * (2 * (s**2).view(column) * w + along_x).mean(dim=0)
    torch.testing.assert_close(by_w, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("spatial_dims", [2, 3])
def test_a_convolutional_discriminator_against_finite_differences(spatial_dims: int) -> None:
    convolution = nn.Conv2d if spatial_dims == 2 else nn.Conv3d
    network = nn.Sequential(
        convolution(1, 3, 3, padding=1), nn.Softplus(), nn.Flatten(), nn.LazyLinear(1)
    ).double()
    x = double(2, 1, *(3,) * spatial_dims)
    penalty = gradient_penalty(network, x)
    step, total = 1e-5, 0.0
    for place in range(x[0].numel()):
        nudge = torch.zeros_like(x)
        nudge.view(2, -1)[:, place] = step
        slope = (network(x + nudge) - network(x - nudge)) / (2 * step)
        total += slope.square().sum().item()
    assert penalty.item() == pytest.approx(total / 2, abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_are_averaged_and_not_summed(shape: tuple[int, ...]) -> None:
    images = double(*shape)

    def discriminator(x: Tensor) -> Tensor:
        return x.flatten(1).square().sum(dim=1)

    whole = gradient_penalty(discriminator, images)
    alone = [gradient_penalty(discriminator, image[None]) for image in images]
    torch.testing.assert_close(whole, torch.stack(alone).mean())


def test_the_number_of_places_of_a_patch_discriminator_does_not_matter() -> None:
    images = double(2, 1, 4, 4)
    one = gradient_penalty(lambda x: x.mean(dim=(2, 3)), images)
    many = gradient_penalty(lambda x: x.mean(dim=(2, 3), keepdim=True).expand(-1, 1, 5, 5), images)
    torch.testing.assert_close(one, many)


def test_nothing_flows_back_into_the_generator() -> None:
    latent = double(2, 1, 4, 4).requires_grad_(True)
    weights = double(1, 4, 4).requires_grad_(True)
    gradient_penalty(lambda x: (x * weights).flatten(1).sum(dim=1) ** 2, 3 * latent).backward()
    assert latent.grad is None
    assert weights.grad is not None


def test_with_signs_it_is_on_average_that_of_each_place() -> None:
    """D(x) = W x with 5 logits: the mean over logits of |row|^2; of their mean, |mean row|^2."""
    weights, x = double(5, 12), double(3, 12)
    signs = torch.tensor(list(itertools.product([-1.0, 1.0], repeat=5)), dtype=torch.float64)
    each = [gradient_penalty(lambda y: y @ weights.T, x, one) for one in signs]
    expected = weights.square().sum(dim=1).mean()
    torch.testing.assert_close(torch.stack(each).mean(), expected)
    whole = gradient_penalty(lambda y: y @ weights.T, x)
    torch.testing.assert_close(whole, weights.mean(dim=0).square().sum())


def test_of_one_logit_signs_change_nothing() -> None:
    x = double(3, 12)
    plain = gradient_penalty(lambda y: y.square().sum(dim=1, keepdim=True), x)
    for sign in (-1.0, 1.0):
        signs = torch.tensor([sign], dtype=torch.float64)
        signed = gradient_penalty(lambda y: y.square().sum(dim=1, keepdim=True), x, signs)
        torch.testing.assert_close(signed, plain)
