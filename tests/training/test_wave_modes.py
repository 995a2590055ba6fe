"""Waves are what they are called, and a covariance keeps what is sure."""

from __future__ import annotations

import pytest
import torch

from medgan.training.wave_modes import (
    N_CONTRASTS,
    contrast_basis,
    modes_of_waves,
    shrunk_covariance,
    wave_basis,
)


def test_waves_are_orthonormal_and_each_part_has_its_own() -> None:
    shapes = [torch.Size((2, 6, 5)), torch.Size((1, 6, 5)), torch.Size((1,))]
    basis = wave_basis(shapes, (2, 3))
    assert basis.shape == (2 * 6 + 6 + 1, 2 * 30 + 30 + 1)
    torch.testing.assert_close(basis @ basis.T, torch.eye(19))
    assert not basis[:6, 30:].any()
    constant, slope = basis[0, :30].view(6, 5), basis[3, :30].view(6, 5)
    torch.testing.assert_close(constant, torch.full((6, 5), 30**-0.5))
    assert (slope.diff(dim=0) < 0).all()
    torch.testing.assert_close(slope, slope[:, :1].expand(6, 5))


def test_contrasts_are_powers_of_the_image_beyond_the_waves() -> None:
    basis = wave_basis([torch.Size((2, 6, 5)), torch.Size((1, 6, 5)), torch.Size((1,))], (2, 2))
    image = torch.rand(1, 6, 5, generator=torch.Generator().manual_seed(0))
    rows = torch.cat([basis, contrast_basis(basis, image, slice(60, 90))])
    torch.testing.assert_close(rows @ rows.T, torch.eye(len(basis) + N_CONTRASTS))
    powers = torch.zeros(2, 91)
    powers[:, 60:90] = torch.stack([image.flatten(), image.flatten() ** 2])
    torch.testing.assert_close(powers @ rows.T @ rows, powers)


def test_an_image_without_contrast_leaves_modes_that_do_nothing() -> None:
    basis = wave_basis([torch.Size((1, 6, 5))], (2, 2))
    contrasts = contrast_basis(basis, torch.full((1, 6, 5), 0.3), slice(0, 30))
    assert not contrasts.any()
    rows = torch.randn(9, 30, generator=torch.Generator().manual_seed(0))
    modes, scores, left = modes_of_waves(rows, torch.cat([basis, contrasts]), torch.ones(30))
    assert modes.isfinite().all()
    assert not modes[4:].any()
    torch.testing.assert_close(scores @ modes + left, rows)


@pytest.mark.parametrize("n", [40, 4000])
def test_a_covariance_keeps_what_is_sure(n: int) -> None:
    """Two values that go together and six that do not: shrunk more the fewer cases there are."""
    values = torch.randn(n, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    values[:, 1] = 0.6 * values[:, 0] + 0.8 * values[:, 1]
    values = values - values.mean(dim=0)
    plain, shrunk = values.T @ values / (n - 1), shrunk_covariance(values)
    torch.testing.assert_close(shrunk.diagonal(), plain.diagonal())
    kept = shrunk[0, 1] / plain[0, 1]
    off = ~torch.eye(8, dtype=torch.bool)
    torch.testing.assert_close(shrunk[off], kept * plain[off])
    torch.testing.assert_close(shrunk_covariance(values, 0.5)[off], 0.5 * shrunk[off])
    assert kept > 0.9 if n == 4000 else 0.1 < kept < 0.8
    assert torch.linalg.eigvalsh(shrunk).min() > torch.linalg.eigvalsh(plain).min()
