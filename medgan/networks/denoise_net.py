"""A blind denoiser: five slices in, the middle one out, zero correction before training.

It sees the image and nothing else: no noise level is given. Every convolution is free of biases,
so that with its piecewise linear activations the network is homogeneous, f(a y) = a f(y) for
a > 0: one learnt at some noise levels works at others (Mohan et al. 2020, arXiv 1906.05478).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

N_SLICES = 5
"""Slices it sees, two on each side of the one it answers for."""


class DenoiseNet(nn.Module):
    """Residual U-Net on four interleaved images of half the size.

    Parameters
    ----------
    widths
        Channels at 1/2, 1/4 and 1/8 of the in-plane size.

    Notes
    -----
    Learns the noise, not the image (Zhang et al. 2017, DnCNN), at half the size by pixel
    unshuffling (Zhang et al. 2018, FFDNet, section III-B), in a U without biases and normalisation
    (Zhang et al. 2021, DRUNet). Its last convolution starts at zero: untrained, it is the identity.
    """

    def __init__(self, widths: tuple[int, int, int] = (48, 88, 112)) -> None:
        super().__init__()
        fine, middle, coarse = widths
        self.enter = nn.Sequential(
            nn.PixelUnshuffle(2), _conv(4 * N_SLICES, fine), _Residual(fine), _Residual(fine)
        )
        self.down = nn.Sequential(_conv(fine, middle, stride=2), _Residual(middle))
        self.bottom = nn.Sequential(_conv(middle, coarse, stride=2), _Residual(coarse))
        self.rise = _conv(coarse, middle)
        self.middle = _Residual(middle)
        self.lift = _conv(middle, fine)
        self.leave = nn.Sequential(_Residual(fine), _Residual(fine))
        self.last = _conv(fine, 4)
        nn.init.zeros_(self.last.weight)

    def forward(self, slices: Tensor) -> Tensor:
        """Denoise the middle slice.

        Parameters
        ----------
        slices
            (B, 5, h, w) consecutive, any h and w; about 0..1 (P0.5..P99.5 of the scan).

        Returns
        -------
        Tensor
            (B, 1, h, w).
        """
        h, w = slices.shape[-2:]
        padded = functional.pad(slices, (0, (-w) % 8, 0, (-h) % 8), mode="replicate")
        fine = self.enter(padded)
        middle = self.down(fine)
        middle = self.middle(middle + _double(self.rise(self.bottom(middle))))
        fine = self.leave(fine + _double(self.lift(middle)))
        noise = functional.pixel_shuffle(self.last(fine), 2)[..., :h, :w]
        centre = slices[:, N_SLICES // 2 : N_SLICES // 2 + 1]
        return centre - noise


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = _conv(channels, channels)
        with torch.no_grad():  # starts near the identity, which lets the rate be high from step one
            self.second.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.second(functional.leaky_relu(self.first(x), 0.1))
        return out


def _conv(n_in: int, n_out: int, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, a=0.1)
    return conv


def _double(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2, mode="nearest")
