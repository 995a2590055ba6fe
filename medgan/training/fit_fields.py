"""Random fields that vary together, at each place, as those of cases do where a template looks so.

What modes leave of a displacement is not stationary: along a border neighbours move together, on
the two sides of a thin structure they do not, and that changes from one voxel to the next. To keep
covariances of every place with its neighbours would be to keep the cases. So how neighbours vary
together is a function of some ten thousand numbers: of what the template looks like around a place,
and of roughly where that is.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from medgan.networks.template import coarser
from medgan.networks.warp import resize
from medgan.settings import Settings

WIDTH = 64
"""Of the two hidden layers that turn looks into amounts."""

FARTHEST = 5
"""Distance in places up to which neighbours are compared; kernels say what is beyond it."""

RATE = 5e-3
"""Of Adam, falling to zero along a cosine."""

N_PAIRS = 1024
"""Pairs of places a step."""

SHORTEST, LONGEST = 0.5, 3.0
"""Standard deviations of the kernels to begin with, in places."""

SEED = 0
"""Of the first weights and of the pairs: the same cases give the same fields."""

TINY = 1e-3
"""Floor of spreads that looks are divided by, in units of network space."""


class Amounts(nn.Module):
    """How much of each of several stationary fields there is in each part of a field, by place.

    Parameters
    ----------
    n_looks
        Numbers that a place is told by.
    n_parts, n_fields
        Parts of a field; stationary fields that they are mixed from.
    n_axes
        2 or 3.

    Notes
    -----
    Coregionalization that varies in space (Gelfand et al. 2004, Test 13, 263-312), here by way of
    looks. Part c at p is the sum over j of B_cj(p) g_j(p), the g_j being independent, of variance
    1 and with correlations exp(-|d / s_j|^2 / 2), so that

        cov(p, q) = sum_j exp(-|(p - q) / s_j|^2 / 2) B_j(p) B_j(q)^T
    """

    def __init__(self, n_looks: int, n_parts: int, n_fields: int, n_axes: int) -> None:
        super().__init__()
        self.n_parts = n_parts
        source = torch.Generator().manual_seed(SEED)
        sizes = (n_looks, WIDTH, WIDTH, n_parts * n_fields)
        self.layers = nn.ModuleList(map(nn.Linear, sizes, sizes[1:]))
        for layer in self.layers:
            assert isinstance(layer, nn.Linear)
            bound = layer.in_features**-0.5
            nn.init.uniform_(layer.weight, -bound, bound, generator=source)
            nn.init.uniform_(layer.bias, -bound, bound, generator=source)
        lengths = torch.linspace(math.log(SHORTEST), math.log(LONGEST), n_fields)
        self.log_lengths = nn.Parameter(lengths[:, None].repeat(1, n_axes))

    def forward(self, looks: Tensor) -> Tensor:
        """Return the amounts (..., n_parts, n_fields) at places that look so (..., n_looks)."""
        first, second, last = self.layers
        hidden = functional.silu(second(functional.silu(first(looks))))
        amounts: Tensor = last(hidden)
        return amounts.view(*looks.shape[:-1], self.n_parts, -1)

    def correlations(self, offsets: Tensor) -> Tensor:
        """Return those of the stationary fields (..., n_fields) over offsets (..., D)."""
        ratios = offsets[..., None, :] / self.log_lengths.exp()
        values: Tensor = (-ratios.square().sum(dim=-1) / 2).exp()
        return values


class FieldSettings(Settings):
    """How the random fields are fitted."""

    steps: int = Field(1500, ge=1)
    """Of Adam, on 1,024 pairs of places each."""


def fit_fields(
    fields: Tensor, image: Tensor, n_fields: int, settings: FieldSettings
) -> tuple[Tensor, Tensor]:
    """Fit random fields to those of cases.

    Parameters
    ----------
    fields
        (n, P, *half), n at least 2, each part at each place of mean 0 over the cases and of about
        unit variance.
    image
        (C, *S), what places are told by: the template, on twice the grid.
    n_fields
        Stationary fields to mix from.

    Returns
    -------
    Tensor, Tensor
        Amounts (n_fields, P, *half), and amplitudes (n_fields, *half') at the waves of the
        stationary fields; see `networks.template.coloured`.

    Notes
    -----
    Least squares: products of two neighbours' values, averaged over the cases, are what the model's
    covariance is held against, at random pairs of places up to five apart.
    """
    shape = fields.shape[2:]
    looks = looks_of(image)
    model = Amounts(looks.shape[1], fields.shape[1], n_fields, len(shape))
    values = fields.flatten(2).permute(2, 1, 0).contiguous()  # (place, P, n)
    pairs = _Pairs(shape)
    adam = torch.optim.Adam(model.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(adam, settings.steps)
    with torch.enable_grad():
        for _ in range(settings.steps):
            here, there, offsets = pairs.draw(N_PAIRS)
            found = values[here] @ values[there].transpose(1, 2) / (len(fields) - 1)
            amounts = model(looks[here]) * model.correlations(offsets)[:, None]
            loss = (amounts @ model(looks[there]).transpose(1, 2) - found).square().mean()
            adam.zero_grad()
            loss.backward()
            adam.step()
            schedule.step()
    with torch.no_grad():
        amounts = model(looks).permute(2, 1, 0).reshape(n_fields, -1, *shape)
        return amounts, _amplitudes(model, shape)


def looks_of(image: Tensor) -> Tensor:
    """Return what an image (C, *S) looks like around each place of half its grid, (places, L).

    Values there, one voxel off along each axis, and two voxels off to all sides, linear in between,
    and slow functions of position; each of mean 0 and spread 1 over the places.
    """
    shape = image.shape[1:]
    n_axes = len(shape)
    steps = [*product((-2, 0, 2), repeat=n_axes)]
    steps += [tuple(s * (a == b) for b in range(n_axes)) for a in range(n_axes) for s in (-1, 1)]
    padded = functional.pad(image[None], [2] * 2 * n_axes, mode="replicate")[0]
    half = coarser(shape, 2)
    seen = []
    for step in steps:
        moved = (slice(2 + s, 2 + s + n) for s, n in zip(step, shape, strict=True))
        seen.append(resize(padded[(slice(None), *moved)][None], half)[0])
    at = torch.stack(torch.meshgrid(*(torch.linspace(-1, 1, n) for n in half), indexing="ij"))
    where = torch.cat([at, (torch.pi * at).sin(), (torch.pi * at).cos()])
    looks = torch.cat([*seen, where]).flatten(1).T
    return (looks - looks.mean(dim=0)) / looks.std(dim=0).clamp_min(TINY)


class _Pairs:
    """Random pairs of neighbours on a grid, themselves included."""

    def __init__(self, shape: Sequence[int]) -> None:
        self.shape = torch.tensor(shape)
        self.source = torch.Generator().manual_seed(SEED)
        # Fields are drawn on a grid that wraps: beyond half of it they would come near again.
        reach = [range(-min(FARTHEST, n // 2), min(FARTHEST, n // 2) + 1) for n in shape]
        offsets = torch.tensor(list(product(*reach)))
        self.offsets = offsets[offsets.square().sum(dim=1) <= FARTHEST**2]

    def draw(self, n: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return flat indices (n,) of both places, and the offsets (n, D) between them."""
        chosen = torch.randint(len(self.offsets), (n,), generator=self.source)
        offsets = self.offsets[chosen]
        # A place is drawn among those from which the other one lies on the grid.
        room = self.shape - offsets.abs()
        at = (torch.rand(n, len(self.shape), generator=self.source) * room).long()
        here = at.minimum(room - 1) + offsets.neg().clamp_min(0)
        return self._flat(here), self._flat(here + offsets), offsets.float()

    def _flat(self, at: Tensor) -> Tensor:
        index = at[:, 0]
        for axis in range(1, len(self.shape)):
            index = index * self.shape[axis] + at[:, axis]
        return index


@torch.no_grad()
def _amplitudes(model: Amounts, shape: Sequence[int]) -> Tensor:
    """Return the amplitudes (n_fields, *shape') of the stationary fields, on a grid that wraps."""
    steps = [torch.fft.fftfreq(n) * n for n in shape]
    offsets = torch.stack(torch.meshgrid(*steps, indexing="ij"), dim=-1)
    kernels = model.correlations(offsets).movedim(-1, 0)
    axes = tuple(range(1, kernels.ndim))
    # A kernel that is cut off where the grid wraps has some negative power; without it the variance
    # would be above 1.
    power = torch.fft.rfftn(kernels, dim=axes).real.clamp_min(0)
    variance = torch.fft.irfftn(power, s=tuple(shape), dim=axes).flatten(1)[:, 0]
    amplitudes: Tensor = (power / variance.view(-1, *[1] * len(shape))).sqrt()
    return amplitudes
