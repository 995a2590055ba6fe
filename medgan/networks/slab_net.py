"""Thin slices of a thick one: a learned residual whose mean over the slab is taken off.

A thick slice is the mean of the thin ones it was made of. So what a classical estimate still lacks
has mean zero over the slab, once that estimate agrees with the data: the projection onto the data
is part of the network, in training as in use. Untrained, it returns the estimate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from medgan.networks.residual import SLOPE, Residual, convolution, doubled

FACTORS = (2, 3, 4)
"""Thin slices of every thick one."""

REACH = 2
"""Thick slices it sees on each side."""


class SlabInputs(NamedTuple):
    """What the network sees of one thick slice; intensities about 0..1 (P0.5..P99.5).

    Parameters
    ----------
    thick
        (B, 5, h, w) thick slices, the one that is made thin in the middle; the outermost is
        repeated where the stack ends.
    base
        (B, S + 2, h, w) an estimate of its S thin slices and of one more on each side; the mean of
        the S is the thick slice.
    steepness
        (B,) log2(step between thick slices / pixel size) / 3.
    """

    thick: Tensor
    base: Tensor
    steepness: Tensor

    def to(self, device: torch.device | str) -> SlabInputs:
        """Move every tensor."""
        return SlabInputs(*(tensor.to(device) for tensor in self))


class SlabNet(nn.Module):
    """Residual U-Net on four interleaved images of half the size, all slices of a slab at once.

    Parameters
    ----------
    widths
        Channels at 1/2, 1/4 and 1/8 of the in-plane size.
    factors
        What S may be; each has a first and a last convolution of its own.

    Notes
    -----
    The last convolutions start at zero. No normalisation layers: an estimate must not depend on
    what else is in the batch or the plane.
    """

    def __init__(
        self, widths: tuple[int, int, int] = (32, 64, 96), factors: Sequence[int] = FACTORS
    ) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.factors = tuple(factors)
        self.enter = nn.ModuleDict(
            {str(s): convolution(4 * (2 * REACH + 1 + s + 2 + 1), fine) for s in self.factors}
        )
        self.fine = nn.Sequential(_act(), Residual(fine), Residual(fine))
        self.down = nn.Sequential(convolution(fine, middle, stride=2), _act(), Residual(middle))
        self.bottom = nn.Sequential(convolution(middle, coarse, stride=2), _act(), Residual(coarse))
        self.rise = convolution(coarse, middle)
        self.middle = nn.Sequential(_act(), Residual(middle))
        self.lift = convolution(middle, fine)
        self.leave = nn.Sequential(_act(), Residual(fine), Residual(fine))
        self.last = nn.ModuleDict()
        for s in self.factors:
            last = convolution(fine, 4 * s)
            nn.init.zeros_(last.weight)
            self.last[str(s)] = last

    def forward(self, inputs: SlabInputs) -> Tensor:
        """Estimate thin slices; (B, S, h, w), any h and w, about 0..1."""
        n_thin = str(inputs.base.shape[1] - 2)
        h, w = inputs.thick.shape[-2:]
        pad = (0, (-w) % 8, 0, (-h) % 8)
        thick, base = (
            functional.pad(planes, pad, mode="replicate") for planes in (inputs.thick, inputs.base)
        )
        centre = thick[:, REACH : REACH + 1]
        # Differences, scaled to about unit size.
        features = torch.cat(
            [
                4 * (thick[:, :REACH] - centre),
                3 * (centre - 0.45),
                4 * (thick[:, REACH + 1 :] - centre),
                6 * (base - centre),
                inputs.steepness.view(-1, 1, 1, 1).expand(-1, 1, *thick.shape[-2:]),
            ],
            dim=1,
        )
        fine = self.fine(self.enter[n_thin](functional.pixel_unshuffle(features, 2)))
        middle = self.down(fine)
        middle = self.middle(middle + doubled(self.rise(self.bottom(middle))))
        fine = self.leave(fine + doubled(self.lift(middle)))
        residual = functional.pixel_shuffle(self.last[n_thin](fine), 2)[..., :h, :w]
        thin: Tensor = inputs.base[:, 1:-1] + residual - residual.mean(dim=1, keepdim=True)
        return thin


def _act() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE)
