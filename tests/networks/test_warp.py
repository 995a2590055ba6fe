"""Displacements whose Jacobians, flows and inverses are known in closed form."""

from __future__ import annotations

import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from medgan.networks.warp import (
    finer,
    integrate,
    jacobian_determinants,
    warp,
    without_folds,
)

SHAPES = [(9, 11), (8, 9, 10)]


def places(shape: tuple[int, ...]) -> Tensor:
    """Index of every voxel, (1, D, *S), about the centre."""
    axes = torch.meshgrid(*(torch.arange(s, dtype=torch.float64) for s in shape), indexing="ij")
    centre = [(s - 1) / 2 for s in shape]
    return torch.stack([a - c for a, c in zip(axes, centre, strict=True)])[None]


def linear(matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
    return torch.einsum("ij,bj...->bi...", matrix, places(shape))


def some_matrix(n: int, size: float) -> Tensor:
    return size * torch.randn(n, n, dtype=torch.float64, generator=torch.Generator().manual_seed(n))


@pytest.mark.parametrize("shape", SHAPES)
def test_a_whole_shift_moves_voxels(shape: tuple[int, ...]) -> None:
    image = torch.randn(1, 2, *shape)
    field = torch.zeros(1, len(shape), *shape)
    torch.testing.assert_close(warp(image, field), image)
    field[:, 0] = 2  # the value for p comes from two voxels further along the first axis
    torch.testing.assert_close(warp(image, field)[:, :, :-2], image[:, :, 2:])
    torch.testing.assert_close(warp(image, field)[:, :, -1], image[:, :, -1])


@pytest.mark.parametrize("shape", SHAPES)
def test_a_linear_image_is_sampled_exactly(shape: tuple[int, ...]) -> None:
    slopes = torch.arange(1, len(shape) + 1, dtype=torch.float64)
    image = torch.einsum("d,bd...->b...", slopes, places(shape))[:, None]
    field = torch.rand(1, len(shape), *shape, dtype=torch.float64) - 0.5
    inside = (slice(None), slice(None), *[slice(1, -1)] * len(shape))
    expected = image + torch.einsum("d,bd...->b...", slopes, field)[:, None]
    torch.testing.assert_close(warp(image, field)[inside], expected[inside])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_jacobian_of_a_linear_map_is_its_determinant(shape: tuple[int, ...]) -> None:
    n = len(shape)
    matrix = some_matrix(n, 0.4)
    found = jacobian_determinants(linear(matrix, shape))
    expected = torch.linalg.det(torch.eye(n, dtype=torch.float64) + matrix)
    assert found.shape == (1, 2**n, *(s - 1 for s in shape))
    torch.testing.assert_close(found, expected.expand_as(found))
    halved = jacobian_determinants(linear(matrix, shape), torch.tensor([0.5]).double())
    expected = torch.linalg.det(torch.eye(n, dtype=torch.float64) + matrix / 2)
    torch.testing.assert_close(halved, expected.expand_as(halved))


def test_the_jacobian_of_a_bent_map_differs_from_place_to_place() -> None:
    # u = (x y, 0): the determinant is 1 + y, y being at the near or the far end of each cell.
    x, y = places((7, 7))[0] / 10
    found = jacobian_determinants(torch.stack([10 * x * y, 0 * x])[None])
    near, far = (1 + y)[:-1, :-1], (1 + y)[:-1, 1:]
    for corner, expected in enumerate((near, far, near, far)):
        torch.testing.assert_close(found[0, corner], expected)


@pytest.mark.parametrize("shape", [(33, 33), (21, 21, 21)])
def test_a_linear_velocity_flows_by_the_matrix_exponential(shape: tuple[int, ...]) -> None:
    n = len(shape)
    matrix = some_matrix(n, 0.1)
    matrix = matrix - matrix.T + 0.1 * torch.eye(n, dtype=torch.float64)  # turns and grows
    flow = torch.from_numpy(expm(matrix.numpy())) - torch.eye(n, dtype=torch.float64)
    inside = (slice(None), slice(None), *[slice(s // 3, -(s // 3)) for s in shape])
    found = integrate(linear(matrix, shape))[inside]
    # A 64th of the way is taken in a straight line: relative error |M| / 128.
    torch.testing.assert_close(found, linear(flow, shape)[inside], atol=0.02, rtol=0.01)


def test_the_reversed_velocity_flows_back() -> None:
    p = places((40, 40)) / 40
    bump = torch.exp(-20 * p.square().sum(dim=1, keepdim=True))
    velocity = torch.cat([4 * bump, -3 * bump], dim=1)
    there, back = integrate(velocity), integrate(-velocity)
    assert there.abs().max() > 2
    assert (there + warp(back, there)).abs().max() < 0.1  # voxels; linear interpolation 12 times


@pytest.mark.parametrize("shape", SHAPES)
def test_another_grid_is_the_same_field_in_its_own_voxels(shape: tuple[int, ...]) -> None:
    matrix = some_matrix(len(shape), 0.3)
    dense = tuple(2 * s - 1 for s in shape)
    torch.testing.assert_close(finer(linear(matrix, shape), dense), linear(matrix, dense))


def test_folds_are_scaled_away_and_nothing_else() -> None:
    p = places((24, 24, 24))
    mild = 0.1 * torch.sin(p / 3)
    wild = 3 * torch.sin(p)  # slopes of 3 where 1 already folds
    assert jacobian_determinants(wild).min() < -1
    found = without_folds(torch.cat([mild, wild]), least=0.05)
    torch.testing.assert_close(found[0], mild[0])
    assert jacobian_determinants(found).min() >= 0.05
    factor = found[1] / wild[0].where(wild[0].abs() > 0.1, torch.inf)
    factor = factor[factor != 0]
    assert 0 < factor.min() == pytest.approx(factor.max().item())  # one factor for the whole field
    # A step less of the scaling would still have been folded.
    assert jacobian_determinants(found[1:] / 0.9).min() < 0.05


def test_a_broken_field_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        without_folds(torch.full((1, 2, 4, 4), torch.nan), 0.05)
    with pytest.raises(ValueError, match="between 0 and 1"):
        without_folds(torch.zeros(1, 2, 4, 4), 1.0)
