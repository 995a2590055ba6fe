"""Displacement fields in 2D and 3D: warp by one, follow a velocity, find and undo folds.

A field u (B, D, *S) holds, in voxels and in the order of the axes, how far from a voxel p the value
for p is taken: the warped image is x(p + u(p)). It is free of folds where the determinant of the
Jacobian of p + u(p) is positive: then what was connected stays connected.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor
from torch.nn import functional

N_SQUARINGS = 6
SHRINK = 0.9
"""Factor by which a folded field is scaled, again and again until it has no fold."""


def warp(images: Tensor, field: Tensor) -> Tensor:
    """Return x(p + u(p)) for images (B, C, *S); linear between voxels, borders repeated."""
    sides = field.shape[2:]
    axes = [
        2 * (at + field[:, axis]) / max(side - 1, 1) - 1
        for axis, (at, side) in enumerate(zip(_places(field), sides, strict=True))
    ]
    # grid_sample wants the last axis first.
    grid = torch.stack(axes[::-1], dim=-1)
    return functional.grid_sample(
        images, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


def resize(field: Tensor, shape: Sequence[int]) -> Tensor:
    """Bring a field or image (B, C, *S) onto more or fewer voxels; its values are not rescaled."""
    mode = "bilinear" if field.ndim == 4 else "trilinear"
    return functional.interpolate(field, tuple(shape), mode=mode, align_corners=True)


def finer(field: Tensor, shape: Sequence[int]) -> Tensor:
    """Bring a displacement (B, D, *S) onto another grid over the same extent, in its voxels."""
    ratio = [(new - 1) / (old - 1) for new, old in zip(shape, field.shape[2:], strict=True)]
    factors = field.new_tensor(ratio).view(-1, *[1] * (field.ndim - 2))
    return resize(field, shape) * factors


def integrate(velocity: Tensor) -> Tensor:
    """Return the displacement after unit time along a velocity (B, D, *S) that does not change.

    Its inverse is that of the velocity reversed. Where the velocity is smooth on the scale of
    voxels there are no folds.

    Notes
    -----
    Scaling and squaring (Arsigny et al. 2006): a 64th of the way is the velocity itself, and a
    way followed by itself is twice the way.
    """
    field: Tensor = velocity / 2**N_SQUARINGS
    for _ in range(N_SQUARINGS):
        field = field + warp(field, field)
    return field


def jacobian_determinants(field: Tensor, scale: Tensor | None = None) -> Tensor:
    """Return the determinants at the corners of every cell between voxels, (B, 2^D, *(S - 1)).

    Parameters
    ----------
    field
        (B, D, *S), at least 2 voxels along each axis.
    scale
        (B,) factors on the field; None: 1.

    Notes
    -----
    Between voxels the map is linear along each axis, so that its derivatives at a corner of a cell
    are the differences along the three (two) edges that meet there.
    """
    n_dims = field.ndim - 2
    if scale is not None:
        field = field * scale.view(-1, *[1] * (field.ndim - 1))
    along = [field.diff(dim=2 + axis) for axis in range(n_dims)]
    for axis, edges in enumerate(along):
        edges[:, axis] += 1
    corners = product((0, 1), repeat=n_dims)
    return torch.stack([_determinant(_at_corner(along, corner)) for corner in corners], dim=1)


def without_folds(field: Tensor, least: float) -> Tensor:
    """Scale each field of a batch back until its smallest determinant is at least `least`.

    A field without folds comes back as it is. It ends, because the determinants of a field scaled
    towards zero go to 1.

    Raises
    ------
    ValueError
        If `least` is not between 0 and 1, or a field is not finite.
    """
    if not 0 < least < 1 or not torch.isfinite(field).all():
        raise ValueError("wanted: a finite field, and a least determinant between 0 and 1")
    scale = field.new_ones(len(field))
    while True:
        smallest = jacobian_determinants(field, scale).flatten(1).amin(dim=1)
        folded = smallest < least
        if not folded.any():
            return field * scale.view(-1, *[1] * (field.ndim - 1))
        scale = torch.where(folded, scale * SHRINK, scale)


def _places(field: Tensor) -> list[Tensor]:
    """Index of every voxel along each axis, shaped to be added to a component of the field."""
    sides = field.shape[2:]
    places = []
    for axis, side in enumerate(sides):
        shape = [1] * len(sides)
        shape[axis] = side
        places.append(torch.arange(side, device=field.device, dtype=field.dtype).view(shape))
    return places


def _at_corner(along: Sequence[Tensor], corner: Sequence[int]) -> list[list[Tensor]]:
    """Return what is a matrix for each cell, row by row, each entry (B, *(S - 1)).

    Column a holds the differences along axis a, on the edge that meets this corner of the cell.
    """
    columns = []
    for axis, edges in enumerate(along):
        for other, side in enumerate(corner):
            if other != axis:
                edges = edges.narrow(2 + other, side, edges.shape[2 + other] - 1)
        columns.append(edges)
    return [[column[:, row] for column in columns] for row in range(len(along))]


def _determinant(g: list[list[Tensor]]) -> Tensor:
    """Return the determinants, written out: they are many."""
    if len(g) == 2:
        return g[0][0] * g[1][1] - g[0][1] * g[1][0]
    return (
        g[0][0] * (g[1][1] * g[2][2] - g[1][2] * g[2][1])
        - g[0][1] * (g[1][0] * g[2][2] - g[1][2] * g[2][0])
        + g[0][2] * (g[1][0] * g[2][1] - g[1][1] * g[2][0])
    )
