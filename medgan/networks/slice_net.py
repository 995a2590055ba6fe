"""A slice inpainter: learned corrections on top of symmetric optical flow, zero before training.

Motion compensation is what counts when compute is small: a network that has to invent it needs ten
times the training. So the flow is computed outside (OpenCV DIS), the untrained network *is* the
symmetric morph between the two nearest measured slices, and training can only depart from there.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from medgan.networks.residual import SLOPE, Residual, convolution, doubled

N_CONDITIONS = 5


class SliceInputs(NamedTuple):
    """What the network sees of one missing slice; intensities about 0..1 (P0.5..P99.5).

    Parameters
    ----------
    neighbours
        (B, 2k, h, w) measured slices in ascending position, k on each side; the outermost is
        repeated where the stack ends.
    kernels
        (B, 2, 2k) weights over the neighbours of the four-point cubic and the six-point spline
        at the true positions.
    flow
        (B, 2, h, w) symmetric displacement u = (x, y) in pixels from the slice before the gap to
        the one after it.
    fraction
        (B,) where the slice lies between its two neighbours, 0..1.
    condition
        (B, 5): fraction - .5, log2(gap)/3 - .5, log2 of the outer steps over the inner one on
        either side, log2 of the inner step over the pixel size / 3.
    """

    neighbours: Tensor
    kernels: Tensor
    flow: Tensor
    fraction: Tensor
    condition: Tensor

    def to(self, device: torch.device | str) -> SliceInputs:
        """Move every tensor."""
        return SliceInputs(*(tensor.to(device) for tensor in self))


class SliceNet(nn.Module):
    """Correct a symmetric morph: own flows, blend, gates towards splines, residual.

    Parameters
    ----------
    k
        Measured slices on each side.
    widths
        Channels at 1/2, 1/4 and 1/8 of the in-plane size.

    Notes
    -----
    With u the given flow, d_a, d_b the learned corrections and t the fraction, the estimate is

        w A(p - t u + d_a) + (1 - w) B(p + (1 - t) u + d_b),   w = 1 - t + shift

    then moved towards the linear, cubic and spline estimates by three gates, plus a residual. The
    last convolution starts at zero, so that before training every correction is exactly zero.
    No normalisation layers: an estimate must not depend on what else is in the batch or the plane.
    """

    def __init__(self, k: int = 3, widths: tuple[int, int, int] = (40, 80, 104)) -> None:
        super().__init__()
        self.k = k
        fine, middle, coarse = widths
        n_inputs = 2 * k + 5 + 2 + N_CONDITIONS
        self.enter = nn.Sequential(
            nn.PixelUnshuffle(2), convolution(4 * n_inputs, fine), _act(), Residual(fine)
        )
        self.down = nn.Sequential(convolution(fine, middle, stride=2), _act(), Residual(middle))
        self.bottom = nn.Sequential(
            convolution(middle, coarse, stride=2), _act(), Residual(coarse), Residual(coarse)
        )
        self.rise = convolution(coarse, middle)
        self.middle = nn.Sequential(_act(), Residual(middle))
        self.lift = convolution(middle, fine)
        self.leave = nn.Sequential(_act(), Residual(fine))
        self.last = convolution(fine, 4 * 9)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, inputs: SliceInputs) -> Tensor:
        """Estimate the missing slices; (B, 1, h, w), any h and w, about 0..1."""
        h, w = inputs.neighbours.shape[-2:]
        padded = _pad(inputs, (-h) % 8, (-w) % 8)
        return self._estimate(padded)[..., :h, :w]

    def _estimate(self, inputs: SliceInputs) -> Tensor:
        slices, flow = inputs.neighbours, inputs.flow
        before, after = slices[:, self.k - 1 : self.k], slices[:, self.k : self.k + 1]
        t = inputs.fraction.view(-1, 1, 1, 1)
        warped_before, warped_after = warp(before, -t * flow), warp(after, (1 - t) * flow)
        morph = (1 - t) * warped_before + t * warped_after
        linear = (1 - t) * before + t * after
        cubic, spline = torch.einsum("bmk,bkhw->bmhw", inputs.kernels, slices).chunk(2, dim=1)

        # Differences, scaled to about unit size: the scales are those of the groundwork's best run.
        features = torch.cat(
            [
                4 * (slices - morph),
                6 * (linear - morph),
                6 * (warped_before - warped_after),
                3 * (morph - 0.45),
                8 * (cubic - linear),
                8 * (spline - linear),
                flow / 4,
                inputs.condition[:, :, None, None].expand(-1, -1, *morph.shape[-2:]),
            ],
            dim=1,
        )
        maps = self._trunk(features)
        shift_a, shift_b, blend, gates, residual = torch.split(maps, [2, 2, 1, 3, 1], dim=1)
        weight = 1 - t + blend
        estimate = weight * warp(before, shift_a - t * flow) + (1 - weight) * warp(
            after, shift_b + (1 - t) * flow
        )
        to_linear, to_cubic, to_spline = gates.chunk(3, dim=1)
        filled: Tensor = (
            estimate
            + to_linear * (linear - estimate)
            + to_cubic * (cubic - estimate)
            + to_spline * (spline - estimate)
            + residual
        )
        return filled

    def _trunk(self, features: Tensor) -> Tensor:
        fine = self.enter(features)
        middle = self.down(fine)
        coarse = self.bottom(middle)
        middle = self.middle(middle + doubled(self.rise(coarse)))
        fine = self.leave(fine + doubled(self.lift(middle)))
        return functional.pixel_shuffle(self.last(fine), 2)


def warp(image: Tensor, displacement: Tensor) -> Tensor:
    """Sample an image at p + displacement, bilinear, borders repeated.

    Parameters
    ----------
    image
        (B, C, h, w).
    displacement
        (B, 2, h, w) in pixels, (x, y).
    """
    h, w = image.shape[-2:]
    rows = torch.arange(h, device=image.device, dtype=image.dtype)
    columns = torch.arange(w, device=image.device, dtype=image.dtype)
    x = (columns + displacement[:, 0]) * (2 / max(w - 1, 1)) - 1
    y = (rows[:, None] + displacement[:, 1]) * (2 / max(h - 1, 1)) - 1
    grid = torch.stack([x, y], dim=-1)
    return functional.grid_sample(
        image, grid, mode="bilinear", padding_mode="border", align_corners=True
    )


def _act() -> nn.LeakyReLU:
    return nn.LeakyReLU(SLOPE)


def _pad(inputs: SliceInputs, bottom: int, right: int) -> SliceInputs:
    """Repeat the border until the plane divides by 8."""
    if not bottom and not right:
        return inputs
    pad = (0, right, 0, bottom)
    return inputs._replace(
        neighbours=functional.pad(inputs.neighbours, pad, mode="replicate"),
        flow=functional.pad(inputs.flow, pad, mode="replicate"),
    )
