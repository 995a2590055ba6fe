"""A blind denoiser: five slices in, the middle one out, zero correction before training.

It sees the image and nothing else: no noise level is given. Every convolution is free of biases,
so that with its piecewise linear activations the network is homogeneous, f(a y) = a f(y) for
a > 0: one learnt at some noise levels works at others (Mohan et al. 2020, arXiv 1906.05478).
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from medgan.networks.residual import Residual, convolution, doubled

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
            nn.PixelUnshuffle(2),
            convolution(4 * N_SLICES, fine, bias=False),
            Residual(fine, bias=False),
            Residual(fine, bias=False),
        )
        self.down = nn.Sequential(
            convolution(fine, middle, stride=2, bias=False), Residual(middle, bias=False)
        )
        self.bottom = nn.Sequential(
            convolution(middle, coarse, stride=2, bias=False), Residual(coarse, bias=False)
        )
        self.rise = convolution(coarse, middle, bias=False)
        self.middle = Residual(middle, bias=False)
        self.lift = convolution(middle, fine, bias=False)
        self.leave = nn.Sequential(Residual(fine, bias=False), Residual(fine, bias=False))
        self.last = convolution(fine, 4, bias=False)
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
        middle = self.middle(middle + doubled(self.rise(self.bottom(middle))))
        fine = self.leave(fine + doubled(self.lift(middle)))
        noise = functional.pixel_shuffle(self.last(fine), 2)[..., :h, :w]
        centre = slices[:, N_SLICES // 2 : N_SLICES // 2 + 1]
        return centre - noise
