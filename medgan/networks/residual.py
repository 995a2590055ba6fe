"""The residual block of the slice networks: two convolutions, no normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SLOPE = 0.1
"""Of the leaky activations, below zero."""


class Residual(nn.Module):
    """x + conv(activation(conv(x))), near the identity at first.

    Parameters
    ----------
    channels
        In and out.
    bias
        Whether the convolutions add a constant.
    """

    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.first = convolution(channels, channels, bias=bias)
        self.second = convolution(channels, channels, bias=bias)
        with torch.no_grad():  # starts near the identity, which lets the rate be high from step one
            self.second.weight.mul_(0.3)

    def forward(self, x: Tensor) -> Tensor:
        """Correct (B, C, h, w)."""
        out: Tensor = x + self.second(functional.leaky_relu(self.first(x), SLOPE))
        return out


def convolution(n_in: int, n_out: int, stride: int = 1, *, bias: bool = True) -> nn.Conv2d:
    """Return a 3 x 3 convolution, He-initialised for leaky activations; biases start at zero."""
    conv = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=bias)
    nn.init.kaiming_normal_(conv.weight, a=SLOPE)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def doubled(x: Tensor) -> Tensor:
    """Repeat every pixel of (B, C, h, w) twice along both axes."""
    return functional.interpolate(x, scale_factor=2, mode="nearest")
