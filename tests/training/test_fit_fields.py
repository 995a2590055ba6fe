"""Fields whose covariance depends on what an image shows, in closed form, are found again."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from medgan.networks.template import coloured
from medgan.training.fit_fields import FieldSettings, _Pairs, fit_fields, looks_of

HALF = (12, 16)
SETTINGS = FieldSettings(steps=400)


def image() -> Tensor:
    """Bright on the left half, dark on the right one."""
    picture = torch.ones(1, 24, 32)
    picture[..., 16:] = -1
    return picture


def fields(n: int, seed: int = 0) -> Tensor:
    """Two parts that go together where the image is bright and against each other where not.

    Both are one smooth field (correlation exp(-d^2 / 8)), the second with its sign turned round on
    the right half: so neighbours on two sides of the border go against each other as well.
    """
    source = torch.Generator().manual_seed(seed)
    at = [torch.fft.fftfreq(n) * n for n in HALF]
    apart = torch.stack(torch.meshgrid(*at, indexing="ij")).square().sum(dim=0)
    amplitude = torch.fft.rfft2((-apart / 8).exp()).real.clamp_min(0).sqrt()
    smooth = coloured(torch.randn(n, 1, *HALF, generator=source), amplitude[None])
    sign = torch.ones(HALF)
    sign[:, 8:] = -1
    return torch.cat([smooth, sign * smooth], dim=1)


def covariance(samples: Tensor, one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Between a part at a place and another one: (part, row, column)."""
    first, second = samples[:, *one], samples[:, *other]
    return float((first * second).mean())


def test_neighbours_vary_together_as_the_image_says() -> None:
    amounts, spectrum = fit_fields(fields(300), image(), 6, SETTINGS)
    assert amounts.shape == (6, 2, *HALF)
    noise = torch.randn(2000, 6, *HALF, generator=torch.Generator().manual_seed(1))
    drawn = torch.einsum("bj...,jc...->bc...", coloured(noise, spectrum), amounts)
    for one, other, expected in (
        ((0, 5, 3), (0, 5, 3), 1.0),
        ((0, 5, 3), (1, 5, 3), 1.0),
        ((0, 5, 12), (1, 5, 12), -1.0),
        ((0, 5, 3), (0, 7, 3), 0.61),
        ((0, 5, 3), (1, 5, 5), 0.61),
        ((1, 5, 7), (1, 5, 8), -0.88),  # neighbours on two sides of the border
        ((0, 5, 7), (0, 5, 8), 0.88),
    ):
        assert covariance(drawn, one, other) == pytest.approx(expected, abs=0.2)


def test_the_same_cases_give_the_same_fields_whatever_was_drawn_before() -> None:
    few = FieldSettings(steps=5)
    first = fit_fields(fields(20), image(), 3, few)
    torch.manual_seed(5)
    second = fit_fields(fields(20), image(), 3, few)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_fields_that_do_not_vary_stay_at_zero() -> None:
    amounts, spectrum = fit_fields(torch.zeros(4, 2, *HALF), image(), 3, SETTINGS)
    assert amounts.abs().max() < 0.05
    assert torch.isfinite(spectrum).all()


def test_places_that_look_alike_are_told_by_where_they_lie_alone() -> None:
    looks = looks_of(image())
    assert looks.shape == (12 * 16, 9 + 4 + 6)
    grid = looks[:, :13].view(*HALF, 13)
    torch.testing.assert_close(grid[3, 2], grid[8, 4])  # both deep in the bright half
    assert (grid[3, 2] - grid[3, 12]).abs().max() > 1
    torch.testing.assert_close(looks.mean(dim=0), torch.zeros(19), atol=1e-5, rtol=0)


def test_pairs_lie_on_the_grid_and_no_farther_apart_than_it_wraps() -> None:
    here, there, offsets = _Pairs((4, 12, 3)).draw(4000)
    at = [torch.stack(torch.unravel_index(flat, (4, 12, 3)), dim=1) for flat in (here, there)]
    torch.testing.assert_close((at[1] - at[0]).float(), offsets)
    assert offsets.abs().amax(dim=0).tolist() == [2, 5, 1]
    assert offsets.norm(dim=1).max() <= 5
    assert len(here.unique()) == len(there.unique()) == 4 * 12 * 3
    assert (offsets == 0).all(dim=1).any()


def test_stationary_fields_have_variance_one_however_short_the_grid() -> None:
    _, spectrum = fit_fields(fields(50)[..., :4], image()[..., :8], 4, FieldSettings(steps=30))
    noise = torch.randn(4000, 4, 12, 4, generator=torch.Generator().manual_seed(2))
    variance = coloured(noise, spectrum).var(dim=(0, 2, 3))
    torch.testing.assert_close(variance, torch.ones(4), atol=0.05, rtol=0)


@pytest.mark.parametrize("half", [(2, 2), (2, 5), (2, 2, 2)])
def test_the_smallest_grids(half: tuple[int, ...]) -> None:
    shape = tuple(2 * n for n in half)
    values = torch.randn(5, len(half) + 1, *half, generator=torch.Generator().manual_seed(0))
    source = torch.Generator().manual_seed(1)
    made = fit_fields(values, torch.rand(1, *shape, generator=source), 2, FieldSettings(steps=3))
    assert all(torch.isfinite(part).all() for part in made)
