"""Modes of the longest cosine waves of each field, and of contrast: they tell less of single cases.

Principal modes are sums over cases, and what is fine in them is mostly single cases' own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

MOST_WAVES = 200
"""Waves in all: their covariance has that many times the fields squared numbers to be estimated."""

N_CONTRASTS = 2
"""Powers of the average image that appearance varies along besides waves. With more of them samples
came no nearer to scans (docs/decisions/0012)."""

KEPT = 0.125
"""Share of the covariances between waves that is kept beyond chance: with all of it, cases
that were fitted to are told from others by how likely their scores are (docs/decisions/0012)."""

TINY = 1e-6
"""Floor of spreads that are divided by."""


def check_waves(waves: Sequence[int] | None, n_axes: int) -> None:
    """Raise a ValueError if there is not one number an axis, or if they make too many waves."""
    if waves is None:
        return
    if len(waves) != n_axes:
        raise ValueError(f"mode_waves: one number for each of {n_axes} axes, not {len(waves)}")
    if math.prod(waves) > MOST_WAVES:
        raise ValueError(f"mode_waves: {math.prod(waves)} waves in all, at most {MOST_WAVES}")


def wave_basis(shapes: Sequence[torch.Size], waves: Sequence[int]) -> Tensor:
    """Return the longest cosine waves of fields of such shapes (C, *S), orthonormal rows (d, D).

    A shape without axes, as the strength has it, is a number of its own.
    """
    blocks = []
    for shape in shapes:
        basis = torch.eye(shape[0])
        for side, n_waves in zip(shape[1:], waves, strict=False):
            along = torch.arange(min(n_waves, side))[:, None] * (torch.arange(side) + 0.5)
            cosines = functional.normalize((along * (math.pi / side)).cos(), dim=1)
            basis = torch.kron(basis, cosines)
        blocks.append(basis)
    basis = torch.zeros(sum(map(len, blocks)), sum(block.shape[1] for block in blocks))
    row = column = 0
    for block in blocks:
        height, width = block.shape
        basis[row : row + height, column : column + width] = block
        row, column = row + height, column + width
    return basis


def contrast_basis(basis: Tensor, image: Tensor, at: slice) -> Tensor:
    """Return orthonormal rows (N_CONTRASTS, D), orthogonal to a basis (d, D): powers of an image.

    Parameters
    ----------
    image
        (1, *S), the average image.
    at
        The columns of fields that image values are added to: with its first power as a mode, the
        contrast of all tissues varies together, with its second that of the grey in between.

    Notes
    -----
    Where the image has no contrast beyond what the basis has, a row is zero.
    """
    rows = basis[:, at].double()
    for power in range(1, N_CONTRASTS + 1):
        row = image.flatten().double() ** power
        before = row.norm()
        for _ in range(2):  # twice, as rounding leaves a little the first time
            row = row - rows.T @ (rows @ row)
        is_new = row.norm() > TINY * before
        row = row / row.norm() if is_new else torch.zeros_like(row)
        rows = torch.cat([rows, row[None]])
    found = torch.zeros(N_CONTRASTS, basis.shape[1], dtype=basis.dtype)
    found[:, at] = rows[-N_CONTRASTS:].to(basis.dtype)
    return found


def modes_of_waves(rows: Tensor, basis: Tensor, weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return modes (d, D) of centred rows (n, D) in a basis (d, D), scores (n, d), and the rest.

    The modes span what the basis does: a case that was fitted to comes no nearer to waves than any
    other, and contrasts are of the average of all. What they keep of the cases is a covariance, and
    that is shrunk to its diagonal, by as much as chance alone makes of it and then to an eighth:
    what is fine in a covariance of few cases is mostly single cases' own, and variances would be
    far too small in some directions.
    """
    amounts = rows @ basis.T
    sums = basis.abs().sum(dim=1)
    scale = torch.where(
        sums > 0, basis.abs().mul(weights).sum(dim=1) / sums, 1.0
    )  # a row may be zero
    values, vectors = torch.linalg.eigh(shrunk_covariance((amounts * scale).double(), KEPT))
    sizes = values.clamp_min(TINY**2).sqrt()
    root = (vectors * sizes) @ vectors.T
    modes = root.to(rows.dtype) @ (basis / scale[:, None])
    scores = (amounts * scale).double() @ (vectors / sizes) @ vectors.T
    return modes, scores.to(rows.dtype), rows - amounts @ basis


def shrunk_covariance(values: Tensor, kept: float = 1) -> Tensor:
    """Return the covariance (d, d) of centred values (n, d), shrunk to its diagonal.

    Notes
    -----
    The off-diagonal part is multiplied by one minus the sum of the variances of its entries over
    the sum of their squares (Schaefer and Strimmer 2005, table 2, target D), within 0..1, and by
    `kept`.
    """
    n = len(values)
    mean = values.T @ values / n
    covariance = mean * (n / (n - 1))
    squares = values.square()
    of_entries = (squares.T @ squares - n * mean.square()) * (n / (n - 1) ** 3)
    off = 1 - torch.eye(values.shape[1], dtype=values.dtype)
    share = (of_entries * off).sum() / (covariance * off).square().sum().clamp_min(TINY**2)
    factor = kept * (1 - share.clamp(0, 1))
    return covariance * (off * factor + torch.eye(values.shape[1], dtype=values.dtype))
